"""When was the cloud listed last? The metrics of the pod that leads say it, through the API server's proxy.

`GET …/pods/NAME:PORT/proxy/metrics` needs the right `get` on `pods/proxy` (Kubernetes: access services running on
clusters). Whoever serves the metrics is not trusted: the answer is bounded, and may be no metrics at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tokenfactory_operator.api.v1alpha1 import DNS_LABEL
from tokenfactory_operator.cli.checks.result import Check, ok, problem, unknown, warning
from tokenfactory_operator.cli.errors import explained
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import ApiServerError, TooLarge
from tokenfactory_operator.kube.paths import PODS
from tokenfactory_operator.ports import Key
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.telemetry.gauges import OPERATOR, credential_label

NAME: Final = "last-list"
AGE: Final = "tokenfactory_inventory_age_seconds"
METRICS_LIMIT: Final = 8 * 2**20
"""Bytes of metrics that are read at most."""
NAMESPACES: Final = "last-list-of-namespaces"
NAMED: Final = 5
"""Namespaces that are named at most."""
NOT_KNOWN: Final = "When the cloud was listed last is not known"
ADDRESS: Final = "name the address of its metrics: --metrics-url http://127.0.0.1:8080/metrics"
WHY: Final = "kubectl tokenfactory why: the objects' conditions say why the cloud cannot be listed"
_NAMESPACE: Final = credential_label("x").removesuffix("x")
"""With what the label `credential` begins that is not the operator's own."""
_TIMEOUT: Final = 10.0
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


@dataclass(frozen=True)
class Pod:
    """One pod of the operator, and the port of its metrics."""

    key: Key
    port: int

    @property
    def metrics(self) -> str:
        """The path of its metrics at the API server."""
        return PODS.named(f"{self.key.name}:{self.port}", self.key.namespace) + "/proxy/metrics"


async def last_list(kube: KubeClient, leader: Pod | None, settings: Settings, metrics_url: str) -> list[Check]:
    """By the leader's metrics, or by those at `metrics_url` where one is given."""
    if metrics_url:
        return await _by_address(metrics_url, settings)
    if leader is None:
        return [unknown(NAME, f"{NOT_KNOWN}: no pod of a Deployment leads.", ADDRESS)]
    try:
        return judged(await kube.text(leader.metrics, most=METRICS_LIMIT), settings)
    except KubeError as error:
        return [unknown(NAME, f"{NOT_KNOWN}: {_cause(error, leader)}", _step(error, leader))]


async def _by_address(address: str, settings: Settings) -> list[Check]:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
            answer = await client.get(address)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [unknown(NAME, f"{NOT_KNOWN}: {address} does not answer ({error}).", ADDRESS)]
    if not answer.is_success:
        return [unknown(NAME, f"{NOT_KNOWN}: {address} answers with status {answer.status_code}.", ADDRESS)]
    return judged(answer.text, settings)


def _cause(error: KubeError, leader: Pod) -> str:
    if isinstance(error, KubeNotFound):
        return f"the pod {leader.key}, which holds the Lease, is not there."
    if isinstance(error, TooLarge):
        return f"the pod {leader.key} serves more than {METRICS_LIMIT} bytes of metrics."
    if isinstance(error, ApiServerError) and error.status == _NOT_FOUND:
        return f"the pod {leader.key} answers with status {error.status}."
    return f"the metrics of the pod {leader.key} do not answer. {explained(error).message}"


def _step(error: KubeError, leader: Pod) -> str:
    if isinstance(error, ApiServerError) and error.status == _FORBIDDEN:
        return "ask for the right get on pods/proxy, or use kubectl port-forward and --metrics-url"
    if isinstance(error, TooLarge):
        return f"is {leader.key} a pod of the operator? {ADDRESS}"
    return f"kubectl -n {leader.key.namespace} get pod {leader.key.name}"


def judged(exposition: str, settings: Settings) -> list[Check]:
    """How old what the operator knows of the cloud is, by its own metrics: first with its own token."""
    try:
        families = list(text_string_to_metric_families(exposition))
    except ValueError:
        return [unknown(NAME, f"{NOT_KNOWN}: what answers serves no metrics of Prometheus.", ADDRESS)]
    samples = [sample for family in families for sample in family.samples if sample.name == AGE]
    if not samples:
        return [unknown(NAME, f"{NOT_KNOWN}: the metrics have no {AGE}, so they are not the operator's.", ADDRESS)]
    ages = {sample.labels.get("credential", ""): sample.value for sample in samples}
    limit = settings.timing().stale_after
    return [_of_the_operator(ages.get(OPERATOR), limit), *_of_namespaces(ages, limit)]


def _of_the_operator(age: float | None, limit: float) -> Check:
    if age is None:  # of a standby, or of an older operator whose token cannot be read
        text = "The operator does not list the cloud with its own token, as while that cannot be read."
        return problem(NAME, text, "look at its log and at its Secret")
    if math.isinf(age):
        text = "The operator has not listed the cloud yet, or its own token cannot be read."
        return problem(NAME, text, f"look at /readyz, at its log and at its Secret; {WHY}")
    text = f"The operator listed the cloud {age:.0f} s ago."
    return ok(NAME, text) if age <= limit else problem(NAME, text, WHY)


def _of_namespaces(ages: Mapping[str, float], limit: float) -> Iterator[Check]:
    """Of those whose own credentials list nothing: whoever keeps such a Secret mends it, and the operator works."""
    labels = sorted(label for label, age in ages.items() if label.startswith(_NAMESPACE) and not age <= limit)
    late = [name for label in labels if re.fullmatch(DNS_LABEL, name := label.removeprefix(_NAMESPACE))]
    if not late:
        return
    rest = f" and {len(late) - NAMED} more" if len(late) > NAMED else ""
    yield warning(
        NAMESPACES,
        f"The cloud was not listed within {limit:.0f} s with credentials of {count(len(late), 'namespace')}: "
        f"{', '.join(late[:NAMED])}{rest}.",
        f"kubectl -n {late[0]} get dep: the objects' conditions say why",
    )
