"""Every setting of the operator can be given to the chart, and arrives as it was given."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from cluster.support.chart import CHART, documents, rendered
from controlplane import Cluster
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.settings.loading import described_settings

pytestmark = pytest.mark.cluster

BY_OTHER_VALUES: Final = {
    "token": "token.value, by way of a Secret",
    "token_file": "token",
    "watch_namespaces": "watchNamespaces",
    "cluster_id": "clusterId",
    "secret_credentials": "secretCredentials",
    "secret_names": "rbac.secretNames",
    "connection_config_maps": "connectionConfigMaps",
    "lease_name": "the full name, which the rights are limited to",
    "lease_namespace": "the release's namespace",
    "metrics_address": "metrics.port",
    "health_address": "health.port",
}
"""Settings that `settings` does not take, and what decides them."""
SCHEMA: Final[dict[str, Any]] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def camel(name: str) -> str:
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)


def environment(cluster: Cluster, *values: str) -> dict[str, str]:
    """The container's, without the prefix."""
    (found,) = [item for item in documents(rendered(cluster, *values)) if item["kind"] == "Deployment"]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {item["name"].removeprefix("TOKENFACTORY_").lower(): item["value"] for item in container["env"]}


def test_the_schema_has_every_setting() -> None:
    """By its name in camel case; the others are decided by values of their own."""
    named = set(SCHEMA["properties"]["settings"]["properties"])
    assert named == {camel(name) for name in Settings.model_fields if name not in BY_OTHER_VALUES}


def test_the_schema_has_the_models_bounds() -> None:
    """A number that the operator would refuse is refused by Helm already."""
    bounded = SCHEMA["properties"]["settings"]["properties"]
    for name in ("concurrency", "rateLimit", "credentialsPerNamespace", "credentialsInAll"):
        (setting,) = [each for each in described_settings() if camel(each.field) == name]
        low, high = bounded[name]["minimum"], bounded[name]["maximum"]
        assert setting.accepts.endswith(f"{low} to {high}")


def test_other_values_decide_the_rest(bare_cluster: Cluster) -> None:
    """All but the token itself are in the environment, whatever `settings` says."""
    values = (
        "watchNamespaces={a,b}",
        "clusterId=prod",
        "secretCredentials=true",
        "connectionConfigMaps=true",
        "metrics.port=9000",
        "health.port=9001",
    )
    assert environment(bare_cluster, *values) == {
        "token_file": "/var/run/secrets/tokenfactory/token",
        "watch_namespaces": "a,b",
        "cluster_id": "prod",
        "secret_credentials": "true",
        "secret_names": "tokenfactory-key",
        "connection_config_maps": "true",
        "lease_name": "demo-tokenfactory-operator",
        "lease_namespace": "ops",
        "metrics_address": ":9000",
        "health_address": ":9001",
    }


def test_settings_arrive(bare_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one by one with values of each kind, the operator's own model reads what was meant."""
    values = (
        "settings.apiUrl=https://api.example.com",
        "settings.projectId=project-a",
        "settings.requestTimeout=45s",
        "settings.operatorCredentialNamespaces={*}",
        "settings.adoptionNamespaces={a,b}",
        "settings.adoptionRecreated=Adopt",
        "settings.namesakes=Conflict",
        "settings.objectSelector=team=ml",
        "settings.leaderElection=true",
        "settings.pollInterval=1m30s",
        "settings.concurrency=30",
        "settings.rateLimit=7",
        "settings.inferenceHosts={eu-north1=a.example.com,tf-us1=b.example.com:8443}",
        "settings.credentialsPerNamespace=3",
        "settings.credentialsInAll=30",
        "settings.logLevel=debug",
    )
    for name, value in environment(bare_cluster, *values).items():
        monkeypatch.setenv(f"TOKENFACTORY_{name.upper()}", value)
    read = Settings()
    assert read.api_url == "https://api.example.com"
    assert (read.project_id, read.request_timeout, read.poll_interval) == ("project-a", 45.0, 90.0)
    assert (read.operator_credential_namespaces, read.adoption_namespaces) == (("*",), ("a", "b"))
    assert (read.adoption_recreated, read.namesakes, read.object_selector) == ("Adopt", "Conflict", "team=ml")
    assert (read.leader_election, read.concurrency, read.rate_limit, read.log_level) == (True, 30, 7.0, "debug")
    assert (read.watch_namespaces, read.cluster_id) == ((), None)
    assert read.policy("a", own_credential=True).inference_hosts == {
        "eu-north1": "a.example.com",
        "tf-us1": "b.example.com:8443",
    }
    assert (read.limits().per_namespace, read.limits().in_all) == (3, 30)
