"""Where programs come from, and what a person is told when they cannot come."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from controlplane import cache, toolchain
from controlplane.acquire import acquire, assets_objection
from controlplane.build import check_disk, explain
from controlplane.errors import AcquireError
from controlplane.progress import Reporter
from controlplane.release import PROGRAMS, Release, load

GIB = 1024**3


def reporter() -> Reporter:
    return Reporter(io.StringIO())


def program(folder: Path, name: str, *, says: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)


def assets(folder: Path, *, version: str, without: str = "") -> Path:
    for name in PROGRAMS:
        if name != without:
            program(folder, name, says=f"Kubernetes {version}")
    return folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "tokenfactory-operator" / "controlplane"


@pytest.mark.parametrize(
    ("version", "without", "objection"),
    [
        pytest.param("v1.37.9", "", "", id="complete"),
        pytest.param("v1.37.9", "helm", "it has no helm", id="no-helm"),
        pytest.param(
            "v1.3.7", "", "its kube-apiserver is Kubernetes v1.3.7, and v1.37 is asked for", id="other-release"
        ),
    ],
)
def test_given_folder_is_judged(tmp_path: Path, version: str, without: str, objection: str) -> None:
    """A folder in KUBEBUILDER_ASSETS serves if it has every program, of the release asked for."""
    assert assets_objection(assets(tmp_path, version=version, without=without), load("v1.37")) == objection


def test_given_folder_wins(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBEBUILDER_ASSETS comes before the cache, and nothing is built."""
    given = assets(tmp_path / "assets", version="v1.37.0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(given))
    (own_cache / load("v1.37").key).mkdir(parents=True)
    assert acquire(load("v1.37")) == given


def test_unusable_folder_is_named_and_passed_over(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who set KUBEBUILDER_ASSETS learns why something else is used."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets(tmp_path / "assets", version="v1.37.0", without="etcd")))
    cached = own_cache / load("v1.37").key
    cached.mkdir(parents=True)
    stream = io.StringIO()
    assert acquire(load("v1.37"), stream=stream) == cached
    assert "it has no etcd" in stream.getvalue()


def test_machine_without_go_and_pip_is_told_what_to_install(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a toolchain nor a way to install one: the message lists the three ways out."""
    program(tmp_path / "bin", "python3-without-pip")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", "/nonexistent/python3")
    with pytest.raises(AcquireError, match=r"(?s)no go on PATH.*install Go.*python3-pip.*KUBEBUILDER_ASSETS"):
        acquire(load("v1.37"))
    assert not (own_cache / load("v1.37").key).exists()


@pytest.mark.parametrize(
    ("version", "found"),
    [
        pytest.param("go1.26.8", True, id="newer"),
        pytest.param("go1.26.0", True, id="just-enough"),
        pytest.param("go1.100.0", True, id="numbers-not-text"),
        pytest.param("go1.25.9", False, id="too-old"),
        pytest.param("devel +abc", False, id="no-release"),
    ],
)
def test_go_on_path_is_used_if_new_enough(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, found: bool
) -> None:
    """An old go is not used, and the message says which one was found."""
    program(tmp_path / "bin", "go", says=version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", "/nonexistent/python3")
    if found:
        assert toolchain.find_go("1.26.0", reporter()) == tmp_path / "bin" / "go"
    else:
        with pytest.raises(AcquireError, match=r"1\.26\.0 is needed"):
            toolchain.find_go("1.26.0", reporter())
    assert not list(own_cache.glob("go-*/go"))


def test_full_disk_is_seen_before_the_build(tmp_path: Path) -> None:
    """What is needed in folders of one disk is added up, and the message says where and how much."""
    check_disk({tmp_path / "small": 1, tmp_path / "not" / "there": 1})
    with pytest.raises(AcquireError, match=r"needs 1000000\.0 GiB.*XDG_CACHE_HOME"):
        check_disk({tmp_path / "a": 1_000_000 * GIB, tmp_path / "b": 1_000_000 * GIB})


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        pytest.param("write /x: no space left on device", "The disk is full", id="disk"),
        pytest.param("dial tcp: lookup host: no such host", "proxy cannot be reached", id="network"),
        pytest.param("verifying m@v1: checksum mismatch", "do not work around", id="tampered"),
        pytest.param("compile: signal: killed", "Memory ran out", id="memory"),
        pytest.param("x.go:1: undefined", "Run the same command again", id="other"),
    ],
)
def test_failed_build_says_what_to_do(output: str, advice: str) -> None:
    """The go command's last lines are shown, and the advice that fits them."""
    text = explain(output, 1)
    assert output in text
    assert advice in text


class FirstBuilder(io.StringIO):
    """Holds a folder's lock until the second builder has said something."""

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._hold = contextlib.ExitStack()
        self._hold.enter_context(cache.locked(target, reporter()))

    def write(self, text: str) -> int:
        """Let go."""
        self._hold.close()
        return super().write(text)


def test_second_builder_waits_for_the_first(tmp_path: Path) -> None:
    """The same folder is never built twice at once, and who has to wait is told so."""
    second_hears = FirstBuilder(tmp_path / "key")
    with cache.locked(tmp_path / "key", Reporter(second_hears)):
        assert "waiting" in second_hears.getvalue()


def test_published_folder_is_complete(tmp_path: Path) -> None:
    """A failed builder leaves nothing, a killed one is cleaned up after, a successful one leaves its result."""
    target = tmp_path / "key"
    killed = tmp_path / ".building-key-1"
    killed.mkdir()
    with pytest.raises(IsADirectoryError), cache.staging(target) as staging:
        (staging / "..").read_bytes()
    assert list(tmp_path.iterdir()) == []
    with cache.staging(target) as staging:
        (staging / "bin").mkdir()
        cache.publish(staging / "bin", target)
    assert list(tmp_path.iterdir()) == [target]


def test_key_names_the_cache_folder(own_cache: Path) -> None:
    """The cache is looked up by what the release would build."""
    release: Release = load("v1.37")
    cached = own_cache / release.key
    cached.mkdir(parents=True)
    assert acquire(release) == cached
