"""What is said when the programs do not come up; with stand-ins for the programs, which fail on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlplane.commands import Layout
from controlplane.errors import PortTakenError, StartError
from controlplane.ports import free_ports
from controlplane.stack import Stack

WAITS = "exec sleep 600"
FAILS = "echo 'no such flag: --x' >&2; exit 1"
PORT_TAKEN = "echo 'listen tcp 127.0.0.1:1: bind: address already in use' >&2; exit 1"


def stack(directory: Path, *, etcd: str, api: str, timeout: float) -> Stack:
    scripts = {"etcd": etcd, "kube-apiserver": api, "kube-controller-manager": WAITS}
    for name, script in scripts.items():
        (directory / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (directory / name).chmod(0o755)
    client, peer, port = free_ports(3)
    layout = Layout(bin=directory, directory=directory, etcd_client=client, etcd_peer=peer, api=port)
    return Stack(layout, token="t", timeout=timeout)


@pytest.mark.parametrize(
    ("etcd", "api", "error", "text"),
    [
        pytest.param(FAILS, WAITS, StartError, r"(?s)^etcd ended.*no such flag: --x", id="etcd-ends"),
        pytest.param(WAITS, FAILS, StartError, r"(?s)^kube-apiserver ended.*no such flag: --x", id="api-server-ends"),
        pytest.param(PORT_TAKEN, WAITS, PortTakenError, "address already in use", id="port-of-etcd-taken"),
        pytest.param(WAITS, PORT_TAKEN, PortTakenError, "address already in use", id="port-of-api-server-taken"),
    ],
)
def test_ended_program_is_named_with_its_last_words(
    tmp_path: Path, etcd: str, api: str, error: type[StartError], text: str
) -> None:
    """The wait ends as soon as a program does, and tells a taken port from other failures."""
    failing = stack(tmp_path, etcd=etcd, api=api, timeout=60)
    with pytest.raises(StartError, match=text) as caught:
        failing.start()
    failing.kill()
    assert type(caught.value) is error


def test_wait_has_a_deadline(tmp_path: Path) -> None:
    """Programs that never become ready are given up, with the ends of all logs."""
    silent = stack(tmp_path, etcd=WAITS, api=WAITS, timeout=1)
    (tmp_path / "etcd.log").write_text("etcd waits\n", encoding="utf-8")  # by itself it may come to that too late
    with pytest.raises(StartError, match=r"(?s)not ready within 1 s.*--- etcd\netcd waits.*--- kube-apiserver"):
        silent.start()
    assert not silent.healthy
    silent.kill()
