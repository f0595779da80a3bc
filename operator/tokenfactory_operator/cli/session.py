"""What a command was given on its command line: it reaches the cluster and the cloud here, when it needs them.

Everything that is opened is closed at the command's end, whatever that is.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from tokenfactory_operator.cli.access import SETTINGS, Access, access
from tokenfactory_operator.cli.errors import CliError, NoCluster, explained
from tokenfactory_operator.cli.installation import Installation, chosen, installations
from tokenfactory_operator.cli.output import Output
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.failures import Advice
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import CloudError, KubeError
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.kube.client import KubeClient, connect
from tokenfactory_operator.kube.errors import ApiServerError, SetupError
from tokenfactory_operator.kube.login import Connection, load_connection
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import JsonObject
from tokenfactory_operator.process.leadership import SystemClock

_FORBIDDEN: Final = 403
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A namespace's name (RFC 1123, as Kubernetes has it)."""


@dataclass(frozen=True)
class Options:
    """The options that all commands have."""

    namespace: str = ""
    all_namespaces: bool = False
    context: str = ""
    kubeconfig: str = ""
    operator: str = ""


@dataclass
class Session:
    """One run of one command."""

    options: Options
    out: Output
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _client: KubeClient | None = None
    _access: Access | None = None
    _installation: Installation | None = None
    _sought: bool = False
    _installations: dict[str, list[Installation]] = field(default_factory=dict)
    """By the namespace that is looked into besides the usual one."""
    _cluster_id: str = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # The cluster

    async def client(self) -> KubeClient:
        """The API server. Raises `NoCluster` where none is configured; no request is made yet."""
        if self._client is None:
            try:
                self._client = await self._stack.enter_async_context(await connect(self._load))
            except SetupError as error:
                raise NoCluster(error.message, hint="Choose a cluster with --kubeconfig or --context.") from None
        return self._client

    async def _load(self) -> Connection:
        own = {"KUBECONFIG": self.options.kubeconfig} if self.options.kubeconfig else {}
        return await load_connection({**self.environ, **own}, context=self.options.context or None)

    async def objects(self) -> KubeObjects:
        """The `DedicatedEndpoint` objects."""
        return KubeObjects(await self.client())

    async def namespace(self) -> str:
        """The namespace that is meant: `--namespace`, else the context's. Raises `CliError` for what is no name."""
        named = self.options.namespace
        if named and not _NAME.fullmatch(named):
            raise CliError(f"{named} is no name of a namespace.", hint="kubectl get namespaces lists what there is.")
        return named or (await self.client()).namespace

    async def namespaces(self) -> tuple[str, ...] | None:
        """Where to look: one namespace, or None for all."""
        return None if self.options.all_namespaces else (await self.namespace(),)

    async def every_object(self) -> tuple[list[JsonObject], str]:
        """All objects of the cluster, or those of one namespace where no more may be listed; and what is left out."""
        objects = await self.objects()
        try:
            return (await objects.list_all())[0], ""
        except ApiServerError as error:
            if error.status != _FORBIDDEN:
                raise
        namespace = await self.namespace()
        return await objects.list_in(namespace), f"Only objects of the namespace {namespace} could be listed."

    async def installations(self, namespace: str) -> list[Installation]:
        """The operators of the cluster; this namespace is among those that are looked into where not all may be."""
        if namespace not in self._installations:
            self._installations[namespace] = await installations(await self.client(), besides=(namespace,))
        return self._installations[namespace]

    async def installation(self) -> Installation | None:
        """The operator that is meant; None where none is found."""
        if not self._sought:
            namespace = await self.namespace()
            found = await self.installations(namespace)
            self._installation = chosen(found, named=self.options.operator, namespace=namespace)
            self._sought = True
        return self._installation

    async def cluster_id(self) -> str:
        """By which name the owner marks know this cluster. Raises `KubeError` where it may not be read."""
        reported = (await self.access()).settings.cluster_id
        self._cluster_id = self._cluster_id or reported or await (await self.objects()).cluster_id()
        return self._cluster_id

    async def note_unknown_settings(self) -> None:
        """Say by which cluster id the owner marks were judged, where the operator's own one is not known."""
        settings, found = (await self.access()).settings, self._installation
        if settings.cluster_id or (found is not None and not found.elsewhere):
            return
        text = f"Not all settings of {found.key} can be read" if found else "No operator was found"
        self.out.note(
            f"{text}, so its cluster id is not known. It is taken to be {await self.cluster_id()}; "
            "set TOKENFACTORY_CLUSTER_ID if it is another."
        )

    # The cloud

    async def access(self) -> Access:
        """The operator's settings, and a token if there is one."""
        if self._access is None:
            self._access = await access(await self.client(), await self.installation(), self.environ)
        return self._access

    async def access_without_cluster(self) -> Access:
        """The same, also where no cluster can be reached: then only this environment counts.

        Raises `CliError` where the cluster can be asked, and what was typed or set does not fit it.
        """
        try:
            return await self.access()
        except (NoCluster, KubeError):
            if not (self.environ.get("TOKENFACTORY_TOKEN") or self.environ.get("TOKENFACTORY_TOKEN_FILE")):
                raise
        self._access = await access(None, None, self.environ)
        return self._access

    async def cloud(self) -> HttpCloud:
        """The cloud with the operator's token. Raises `CliError` where there is none."""
        found = await self.access()
        return await self.cloud_of(found.needed(), found.settings.project_id, Advice(token=found.origin))

    async def cloud_of(self, token: SecretStr, project: str | None, advice: Advice) -> HttpCloud:
        """The cloud with another token; `advice` says where that token is."""
        settings = (await self.access()).settings
        wanted = CloudSettings(
            base_url=settings.api_url, request_timeout=settings.request_timeout, ca_bundle=settings.ca_file
        )
        try:
            cloud = HttpCloud(wanted, token=lambda: token, clock=SystemClock(), project_id=project, advice=advice)
        except ValueError as error:
            raise CliError(f"The cloud cannot be called: {error}.", hint=SETTINGS) from None
        return await self._stack.enter_async_context(cloud)

    async def templates(self) -> tuple[Template, ...]:
        """What the cloud offers. Raises `CliError`."""
        cloud = await self.cloud()
        try:
            with self.out.working("Reading the catalog"):
                return await cloud.list_templates()
        except CloudError as error:
            raise await self.failed(error) from None

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin.isatty()

    async def failed(self, error: CloudError) -> CliError:
        """A call of the cloud that has failed, with the address that was called."""
        return CliError(f"{(await self.access()).settings.api_url}: {error.message}", hint=explained(error).hint)

    async def endpoints(self) -> EndpointList:
        """What the cloud lists. Raises `CloudError`."""
        cloud = await self.cloud()
        with self.out.working("Listing the endpoints"):
            return await cloud.list_endpoints()
