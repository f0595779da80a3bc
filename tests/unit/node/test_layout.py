"""A node is of the same Kubernetes as the control plane that it is tested with."""

from __future__ import annotations

from controlplane import release
from node.node import FOLDER, PROGRAMS


def test_same_kubernetes_as_the_control_plane() -> None:
    """The two modules name one version, so that one build cache serves both."""
    node = release.load(release.DEFAULT_VERSION, folder=FOLDER, wanted=PROGRAMS)
    assert node.kubernetes == release.load(release.DEFAULT_VERSION).kubernetes
    assert node.programs == set(PROGRAMS)
    assert not node.borrowed


def test_shares_its_modules_with_the_control_plane() -> None:
    """A module that both need has one version: what is compiled for one is there for the other."""
    versions = [
        _modules(release.load(release.DEFAULT_VERSION)),
        _modules(release.load(release.DEFAULT_VERSION, folder=FOLDER, wanted=PROGRAMS)),
    ]
    common = versions[0].keys() & versions[1].keys()
    assert common
    assert {name: versions[0][name] for name in common} == {name: versions[1][name] for name in common}


def _modules(of: release.Release) -> dict[str, str]:
    lines = (of.directory / "go.mod").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("\t") and "=>" not in line]
    return {word[0]: word[1] for word in words if len(word) > 1}
