"""One supported Kubernetes release: the folder `vX.Y/` with its go.mod, and what is read out of it.

The Flux controllers and Argo CD's command line are built in the same way, from the folders `flux/` and `argocd/`; they
belong to no Kubernetes release.

The go.mod is the single place where versions stand. This module only reads: it runs nothing and writes nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controlplane.errors import UnknownReleaseError

VERSION_VARIABLE = "CONTROLPLANE_VERSION"
DEFAULT_VERSION = "v1.37"
FOLDER = Path(__file__).resolve().parent
FLUX_FOLDER = FOLDER / "flux"
ARGOCD_FOLDER = FOLDER / "argocd"

SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager")
CLIENTS = ("kubectl", "helm", "kubeconform")
PROGRAMS = SERVERS + CLIENTS

# Static programs: the result does not depend on whether the machine has a C compiler.
BUILD_ENVIRONMENT: Mapping[str, str] = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}

# Go names a program after its package's last element; etcd's main package is called "server", Argo CD's "cmd".
_PROGRAM_NAMES = {"server": "etcd", "cmd": "argocd"}
_TITLES = {"flux": "the Flux controllers", "argocd": "Argo CD's command line"}


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release as its go.mod describes it.

    Attributes:
        name: the folder's name, such as `v1.37`.
        directory: the folder with go.mod and go.sum.
        kubernetes: the exact version, such as `v1.37.2`, as the API server reports it; empty for Flux and Argo CD.
        go: the least Go version that builds it, such as `1.26.0`.
        tools: import paths of the programs' main packages.
        wanted: the programs that its cache folder has: its own, and those lent by the default release.
    """

    name: str
    directory: Path
    kubernetes: str
    go: str
    tools: tuple[str, ...]
    wanted: tuple[str, ...] = PROGRAMS

    @property
    def programs(self) -> frozenset[str]:
        """The names of the programs that this release builds."""
        return frozenset(program_name(tool) for tool in self.tools)

    @property
    def borrowed(self) -> frozenset[str]:
        """The programs that this release leaves to the default release (helm has Kubernetes libraries of its own)."""
        return frozenset(self.wanted) - self.programs

    @property
    def title(self) -> str:
        """What people call its programs."""
        return f"programs of Kubernetes {self.kubernetes}" if self.kubernetes else _TITLES[self.name]

    @property
    def build_flags(self) -> tuple[str, ...]:
        """`go build`'s flags; without the version in them the server calls itself v0.0.0."""
        ldflags = " ".join(["-s", "-w", *_stamps(self.kubernetes)])
        return ("-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", ldflags)

    @property
    def key(self) -> str:
        """The cache folder's name: changes with whatever changes the programs."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((self.directory / name).read_bytes() + b"\0")
        settings = [f"{name}={value}" for name, value in sorted(BUILD_ENVIRONMENT.items())]
        for part in (*self.build_flags, *settings, sys.platform, platform.machine()):
            digest.update(part.encode() + b"\0")
        if self.borrowed:
            digest.update(load(DEFAULT_VERSION, folder=self.directory.parent).key.encode())
        return digest.hexdigest()[:16]


def _stamps(kubernetes: str) -> list[str]:
    """The linker's flags for a Kubernetes version; none for programs of no Kubernetes release."""
    if not kubernetes:
        return []
    major, minor = kubernetes.removeprefix("v").split(".")[:2]
    values = {"gitVersion": kubernetes, "gitMajor": major, "gitMinor": minor}
    return [f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items()]


def program_name(tool: str) -> str:
    """The program that a main package becomes: `…/cmd/kubectl` → `kubectl`, etcd's `…/server/v3` → `etcd`."""
    element = re.sub(r"/v\d+$", "", tool).rsplit("/", 1)[-1]
    return _PROGRAM_NAMES.get(element, element)


def available(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of the releases that have a folder."""
    return tuple(sorted(path.parent.name for path in folder.glob("v*/go.mod")))


def load(name: str | None = None, *, folder: Path = FOLDER, wanted: tuple[str, ...] = PROGRAMS) -> Release:
    """Read a release's go.mod; without a name the one of `CONTROLPLANE_VERSION`, or else the newest supported.

    `folder` has a folder for each release, and `wanted` are the programs asked for: others than here for a node.

    Raises:
        UnknownReleaseError: there is no such folder, or its go.mod does not say what is needed.
    """
    name = name or os.environ.get(VERSION_VARIABLE) or DEFAULT_VERSION
    directory = folder / name
    if name not in available(folder):
        raise UnknownReleaseError(
            f"There is no test {'control plane' if folder == FOLDER else folder.name} {name!r}. "
            f"Set {VERSION_VARIABLE} to one of: {', '.join(available(folder))}."
        )
    text = (directory / "go.mod").read_text(encoding="utf-8")
    return Release(
        name=name,
        directory=directory,
        kubernetes=_single(r"^\s*(?:require\s+)?k8s\.io/kubernetes\s+(v\S+)", text, what="k8s.io/kubernetes"),
        go=_single(r"^go\s+(\S+)", text, what="a go directive"),
        tools=_tools(text),
        wanted=wanted,
    )


def flux() -> Release:
    """The Flux controllers. Raises as `load`."""
    return _beside(FLUX_FOLDER)


def argocd() -> Release:
    """Argo CD's command line. Raises as `load`."""
    return _beside(ARGOCD_FOLDER)


def _beside(directory: Path) -> Release:
    text = (directory / "go.mod").read_text(encoding="utf-8")
    go, tools = _single(r"^go\s+(\S+)", text, what="a go directive"), _tools(text)
    wanted = tuple(program_name(tool) for tool in tools)
    return Release(name=directory.name, directory=directory, kubernetes="", go=go, tools=tools, wanted=wanted)


def _single(pattern: str, text: str, *, what: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise UnknownReleaseError(f"The release's go.mod does not name {what}.")
    return found[1]


def _tools(text: str) -> tuple[str, ...]:
    block = _single(r"^tool\s*\(([^)]*)\)", text, what="its tools in a tool block")
    lines = (line.partition("//")[0].strip() for line in block.splitlines())
    return tuple(line for line in lines if line)
