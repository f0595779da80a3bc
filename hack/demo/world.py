"""Everything that the demo runs on, started in order and ended in the reverse one, however it ends."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controlplane import Cluster
from demo import install, signals
from demo.errors import RefusedError, Stop
from demo.kind import kind_cluster
from demo.operator_process import OperatorProcess
from demo.options import TOKEN, Options
from demo.target import OutsideCluster, Target
from demo.view import View
from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.testing import running_simulator

PROJECT: Final = "project-demo"


@dataclass(frozen=True, kw_only=True)
class World:
    """The running parts.

    Attributes:
        target: the cluster.
        own: it, where it is the demo's own control plane.
        exports: what a person types first, to reach it from another terminal.
        url: the simulated cloud's.
        cloud: its record, and the vendor's console.
        operator: the process.
    """

    target: Target
    own: Cluster | None
    exports: tuple[str, ...]
    url: str
    cloud: AdminClient
    operator: OperatorProcess


def say_stopped(view: View) -> None:
    """The one sentence with which a stopped demo ends."""
    view.close()
    view.say("Stopped. Removing everything that the demo has started.")


@contextlib.contextmanager
def running(options: Options, view: View) -> Iterator[World]:
    """The world, until the block ends; the end of the operator's log is shown where it ends by an error."""
    with contextlib.ExitStack() as stack:
        try:
            world = _start(options, view, stack)
            yield world
        except Stop:
            say_stopped(view)
            raise
        finally:
            signals.ignore()


def _start(options: Options, view: View, stack: contextlib.ExitStack) -> World:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenfactory-demo-")))
    target, exports = _cluster(options, view, directory, stack)
    shared = options.cluster == "current"
    view.step("Starting the simulated cloud and installing the chart")
    simulator = stack.enter_context(running_simulator(tokens={TOKEN: PROJECT}, provisioning_time=options.provisioning))
    stack.enter_context(install.installed(target, shared=shared))
    view.say(f"  cloud at {simulator.url}, helm release {install.RELEASE} in {install.SYSTEM}")
    account = (install.SYSTEM, install.RELEASE)
    operator = OperatorProcess(target, account, url=simulator.url, token=options.token, directory=directory)
    if shared:
        operator.watch(install.NAMESPACE)
    view.step("Starting the operator, with the rights of its service account")
    stack.enter_context(operator)
    stack.enter_context(install.objects_removed(target, shared=shared))
    own = target if isinstance(target, Cluster) else None
    return World(target=target, own=own, exports=exports, url=simulator.url, cloud=simulator.admin, operator=operator)


def _cluster(
    options: Options, view: View, directory: Path, stack: contextlib.ExitStack
) -> tuple[Target, tuple[str, ...]]:
    """The cluster, and what a person types to reach it."""
    if options.cluster == "current":
        current = OutsideCluster(directory)
        install.check_unused(current)
        _ask(current, view, confirmed=options.confirmed)
        return current, ()
    if options.cluster == "kind":
        view.step("Making a kind cluster (the first time, Docker pulls its image)")
        made = stack.enter_context(kind_cluster(directory))
        view.say(f"  {made.described}")
        return made, (f"export KUBECONFIG={made.kubeconfig}",)
    view.step("Starting a Kubernetes control plane")
    own = stack.enter_context(Cluster())
    view.say(f"  API server at {own.server}")
    return own, (f"export KUBECONFIG={own.kubeconfig}", f'export PATH="{own.bin}:$PATH"')


def _ask(current: OutsideCluster, view: View, *, confirmed: bool) -> None:
    """Raises `RefusedError` unless a person agrees."""
    view.say(
        f"This uses the cluster {current.described}: it installs the chart's custom resource and roles, and the "
        f"namespaces {install.SYSTEM} and {install.NAMESPACE}, and removes them at the end. The cloud is simulated; "
        "nothing is billed."
    )
    if confirmed:
        return
    if not sys.stdin.isatty():
        raise RefusedError("There is no terminal to ask on. CONFIRM=yes agrees in advance.")
    if view.console.input("Go on? (yes/no) ").strip().lower() not in ("y", "yes"):
        raise RefusedError("Not confirmed; nothing was changed.")
