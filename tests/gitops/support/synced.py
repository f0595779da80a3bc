"""A Git repository that Flux syncs into a world's namespace: the samples of deploy/flux with another address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from cluster.support.chart import ROOT
from gitops.support.flux import NAMESPACE, Flux
from gitops.support.git_server import Repository
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

JsonObject = dict[str, Any]

SAMPLES: Final = ROOT / "deploy" / "flux"
QUICK: Final[Mapping[str, str]] = {"interval": "500ms", "retryInterval": "1s", "timeout": "30s"}
"""Flux takes 30 s at least for a time-out of a Kustomization."""


def sample(file: str, kind: str) -> JsonObject:
    """The object of a kind in a file of deploy/flux."""
    text = (SAMPLES / file).read_text(encoding="utf-8")
    (found,) = [document for document in yaml.safe_load_all(text) if document["kind"] == kind]
    return dict(found)


def named(body: JsonObject, name: str, **spec: object) -> JsonObject:
    """The object under another name, with fields of its spec replaced."""
    return {
        **body,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {**body["spec"], **spec},
    }


def endpoint(name: str, **spec: object) -> str:
    """A file for Git: an object with a valid spec, in which `spec` replaces fields (`...` leaves one out)."""
    body = {"apiVersion": api.API_VERSION, "kind": api.KIND, "metadata": {"name": name}, "spec": valid_spec(**spec)}
    return str(yaml.safe_dump(body))


@dataclass(frozen=True)
class Synced:
    """A GitRepository and a Kustomization of one name; the Kustomization applies the repository's root."""

    flux: Flux
    git: Repository
    name: str

    @property
    def kustomization(self) -> str:
        """As kubectl names it."""
        return f"kustomization.kustomize.toolkit.fluxcd.io/{self.name}"

    def begin(self, namespace: str, *, path: str = "./") -> None:
        """Have Flux sync what the repository has into the namespace."""
        source = named(sample("endpoints.yaml", "GitRepository"), self.name, url=self.git.url, interval="1s")
        reference = {"kind": "GitRepository", "name": self.name}
        applied = named(
            sample("endpoints.yaml", "Kustomization"),
            self.name,
            sourceRef=reference,
            path=path,
            targetNamespace=namespace,
            **QUICK,
        )
        self.flux.apply(source, applied)

    def end(self) -> None:
        """Remove both, and with the Kustomization what it has made."""
        self.flux.delete(self.kustomization)
        self.flux.delete(f"gitrepository/{self.name}")

    def until_ready(self, commit: str) -> JsonObject:
        """The commit is applied and all of its objects are healthy."""
        return self.flux.until_ready(self.kustomization, revision=commit)

    def until_fetched(self, commit: str) -> None:
        """Flux has the commit, whether or not it is applied."""
        self.flux.until_ready(f"gitrepository/{self.name}", revision=commit)

    def suspend(self, suspended: bool) -> None:  # noqa: FBT001 - the field's own value
        """What `flux suspend` and `flux resume` do."""
        self.flux.merge(self.kustomization, {"spec": {"suspend": suspended}})
