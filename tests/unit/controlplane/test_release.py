"""What is read out of a release's go.mod, and when the cache has to be built anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlplane import release
from controlplane.errors import UnknownReleaseError
from controlplane.release import Release

TOOLS = (
    "github.com/yannh/kubeconform/cmd/kubeconform",
    "go.etcd.io/etcd/server/v3",
    "helm.sh/helm/v4/cmd/helm",
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kubectl",
)
WITHOUT_CLIENTS = tuple(tool for tool in TOOLS if "helm" not in tool and "kubeconform" not in tool)


@dataclass(frozen=True, kw_only=True)
class Module:
    """Builds a release's folder."""

    kubernetes: str = "v1.37.2"
    tools: tuple[str, ...] = TOOLS
    checksums: str = "sums"

    def write(self, directory: Path) -> None:
        """Write go.mod and go.sum."""
        tools = "\n".join(f"\t{tool} // a program" for tool in self.tools)
        directory.mkdir(parents=True)
        (directory / "go.sum").write_text(self.checksums, encoding="utf-8")
        (directory / "go.mod").write_text(
            f"module m\n\ngo 1.26.0\n\ntool (\n{tools}\n)\n\nrequire (\n\tk8s.io/kubernetes {self.kubernetes}\n)\n",
            encoding="utf-8",
        )


def load(folder: Path, name: str = "v1.37") -> release.Release:
    return release.load(name, folder=folder)


def test_versions_and_programs_are_read_from_go_mod(tmp_path: Path) -> None:
    """The go.mod is the one place where versions stand."""
    Module().write(tmp_path / "v1.37")
    loaded = load(tmp_path)
    assert (loaded.kubernetes, loaded.go) == ("v1.37.2", "1.26.0")
    assert loaded.programs == set(release.PROGRAMS)
    assert not loaded.borrowed


def test_version_stamps_carry_major_and_minor(tmp_path: Path) -> None:
    """Without these flags the server would call itself v0.0.0."""
    Module(kubernetes="v1.35.4").write(tmp_path / "v1.35")
    flags = load(tmp_path, "v1.35").build_flags[-1]
    for stamp in ("gitVersion=v1.35.4", "gitMajor=1", "gitMinor=35"):
        assert f"-X k8s.io/component-base/version.{stamp}" in flags


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        pytest.param("go.etcd.io/etcd/server/v3", "etcd", id="etcd-main-package-is-called-server"),
        pytest.param("k8s.io/kubernetes/cmd/kubectl", "kubectl", id="last-element"),
        pytest.param("helm.sh/helm/v4/cmd/helm", "helm", id="major-version-inside"),
    ],
)
def test_program_is_named_after_its_package(tool: str, name: str) -> None:
    """A built program is found under the name that its users know."""
    assert release.program_name(tool) == name


def test_key_is_stable(tmp_path: Path) -> None:
    """The same files give the same cache folder, wherever the repository is."""
    Module().write(tmp_path / "one" / "v1.37")
    Module().write(tmp_path / "other" / "v1.37")
    assert load(tmp_path / "one").key == load(tmp_path / "other").key


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(Module(kubernetes="v1.37.3"), id="kubernetes-version"),
        pytest.param(Module(checksums="others"), id="checksums"),
        pytest.param(Module(tools=tuple(reversed(TOOLS))), id="programs"),
    ],
)
def test_key_changes_with_what_is_built(tmp_path: Path, changed: Module) -> None:
    """Programs in the cache are never those of another go.mod or go.sum."""
    Module().write(tmp_path / "before" / "v1.37")
    changed.write(tmp_path / "after" / "v1.37")
    assert load(tmp_path / "before").key != load(tmp_path / "after").key


def test_key_follows_the_lender(tmp_path: Path) -> None:
    """A release that borrows helm is put together anew when the lender's helm changes."""
    for place, checksums in (("before", "sums"), ("after", "others")):
        Module(tools=WITHOUT_CLIENTS).write(tmp_path / place / "v1.35")
        Module(checksums=checksums).write(tmp_path / place / release.DEFAULT_VERSION)
    before, after = (load(tmp_path / place, "v1.35") for place in ("before", "after"))
    assert before.borrowed == {"helm", "kubeconform"}
    assert before.key != after.key


def test_variable_chooses_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONTROLPLANE_VERSION is what `make test` passes on."""
    Module().write(tmp_path / release.DEFAULT_VERSION)
    Module(kubernetes="v1.35.4").write(tmp_path / "v1.35")
    monkeypatch.setenv(release.VERSION_VARIABLE, "v1.35")
    assert release.load(folder=tmp_path).kubernetes == "v1.35.4"
    monkeypatch.delenv(release.VERSION_VARIABLE)
    assert release.load(folder=tmp_path).name == release.DEFAULT_VERSION


def test_unknown_release_names_those_there_are(tmp_path: Path) -> None:
    """A typing error in the variable answers with the choice."""
    Module().write(tmp_path / "v1.37")
    with pytest.raises(UnknownReleaseError, match=r"v1\.99.*v1\.37"):
        load(tmp_path, "v1.99")


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in release.available()])
def test_every_supported_release_is_complete(name: str) -> None:
    """Each folder of the repository is of the minor version it is named after, and has every program or a lender."""
    loaded = release.load(name)
    assert loaded.kubernetes.startswith(f"{name}.")
    assert loaded.programs >= set(release.SERVERS)
    assert loaded.borrowed <= release.load(release.DEFAULT_VERSION).programs


@pytest.mark.parametrize(
    ("loaded", "programs"),
    [
        pytest.param(release.flux, {"helm-controller", "kustomize-controller", "source-controller"}, id="flux"),
        pytest.param(release.argocd, {"argocd"}, id="argocd"),
    ],
)
def test_what_belongs_to_no_kubernetes_release(loaded: Callable[[], Release], programs: set[str]) -> None:
    """It is built in the same way, borrows nothing, and has no version stamped in."""
    found = loaded()
    assert found.programs == programs
    assert found.title
    assert not found.borrowed
    assert "-X" not in found.build_flags[-1]
