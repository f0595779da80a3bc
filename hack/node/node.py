"""A control plane with one node that really runs pods, inside the network namespace that this process is in.

It must not be used outside such a namespace: it gives the bridge an address and adds rules to iptables. See inside.py.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from controlplane import release
from controlplane.acquire import acquire
from controlplane.ports import free_ports
from controlplane.processes import Program
from controlplane.stack import Stack
from node import layout as layouts
from node import machine
from node.errors import NodeError
from node.layout import NodeLayout

FOLDER = Path(__file__).resolve().parent
PROGRAMS = ("kubelet", "kube-scheduler")
_TIMEOUT = 180.0  # seconds for each step of the start
_POLL = 0.2


def programs() -> tuple[Path, Path]:
    """The folders with the control plane's and the node's programs, built if need be."""
    newest = release.DEFAULT_VERSION
    return acquire(release.load(newest)), acquire(release.load(newest, folder=FOLDER, wanted=PROGRAMS))


class Node:
    """A context manager: inside it, pods run."""

    def __init__(self, folder: Path) -> None:
        """`folder` is this run's own, cleared by somebody else at the end (see tenancy.py)."""
        self._folder = folder
        self._started: list[Program] = []
        self._stack: Stack | None = None

    def __enter__(self) -> Self:
        layout = self._layout = self._make_layout()
        _network(layout)
        self._stack = Stack(layout, token=secrets.token_hex(16), timeout=_TIMEOUT)
        try:
            self._stack.start()
            self._start("containerd", layout.containerd())
            self._wait(lambda: layout.socket.exists() and self._images() is not None, what="containerd")
            self._start("kube-scheduler", layout.kube_scheduler())
            self._start("kubelet", layout.kubelet())
            self._wait(self._ready, what="the node")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def kubeconfig(self) -> Path:
        """The admin's."""
        return self._layout.kubeconfig

    @property
    def bin(self) -> Path:
        """The folder with kubectl and helm."""
        return self._layout.bin

    def load(self, tar: Path) -> None:
        """Have the images of a `docker save` on the node."""
        machine.run(
            ["ctr", "--address", str(self._layout.socket), "--namespace", "k8s.io", "images", "import", str(tar)]
        )

    def _make_layout(self) -> NodeLayout:
        control, node = programs()
        logs, state = self._folder / "logs", self._folder / "state"
        for folder in (logs, state, state / "net.d"):
            folder.mkdir()
        etcd_client, etcd_peer, api = free_ports(3)
        layout = NodeLayout(
            bin=control,
            node_bin=node,
            directory=logs,
            state=state,
            etcd_client=etcd_client,
            etcd_peer=etcd_peer,
            api=api,
            max_requests_inflight=2000,
            max_mutating_requests_inflight=2000,
            address=layouts.ADDRESS,
            controllers=("*",),
        )
        layout.containerd_file.write_text(layout.containerd_configuration())
        layout.kubelet_file.write_text(json.dumps(layout.kubelet_configuration()))
        (layout.network_folder / "10-pods.conflist").write_text(json.dumps(layout.network_configuration()))
        return layout

    def _start(self, name: str, command: list[str]) -> None:
        program = Program(name, command, directory=self._layout.directory)
        self._started.append(program)
        program.start()

    def _stop(self) -> None:
        for program in reversed(self._started):
            program.stop(graceful=False)
        if self._stack is not None:
            self._stack.kill()

    def _wait(self, condition: Callable[[], bool], *, what: str) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while not condition():
            ended = [program for program in self._started if not program.running]
            if ended or time.monotonic() > deadline:
                tails = "\n".join(f"--- {program.name}\n{program.tail()}" for program in ended or self._started)
                raise NodeError(f"{what} did not become ready. The ends of the logs:\n{tails}")
            time.sleep(_POLL)

    def _images(self) -> str | None:
        command = ["ctr", "--address", str(self._layout.socket), "--namespace", "k8s.io", "images", "list"]
        try:
            return machine.run(command)
        except NodeError:
            return None

    def _ready(self) -> bool:
        query = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
        result = subprocess.run(
            [self.bin / "kubectl", "get", "nodes", "-o", query],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.stdout.strip() == "True"


def _network(layout: NodeLayout) -> None:
    """The node's own address, and the way from pods to the API server that kube-proxy would make."""
    address = f"{layout.address}/{layouts.PREFIX}"
    machine.run(["ip", "link", "set", "lo", "up"])
    machine.run(["ip", "link", "add", layouts.BRIDGE, "type", "bridge"])
    machine.run(["ip", "address", "add", address, "dev", layouts.BRIDGE])
    machine.run(["ip", "link", "set", layouts.BRIDGE, "up"])
    machine.run(["ip", "route", "add", "default", "dev", layouts.BRIDGE])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for chain in ("PREROUTING", "OUTPUT"):
        match = ["-d", layouts.SERVICE_ADDRESS, "-p", "tcp", "--dport", "443"]
        target = ["-j", "DNAT", "--to-destination", f"{layout.address}:{layout.api}"]
        machine.run(["iptables", "-t", "nat", "-A", chain, *match, *target])
