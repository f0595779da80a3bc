"""Does the operator work: its pods, its rights, who leads, and when the cloud was listed last?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from tokenfactory_operator.cli.checks.last_list import Pod, last_list
from tokenfactory_operator.cli.checks.result import Check, Verdict, ok, problem, unknown, warning
from tokenfactory_operator.cli.installation import SELECTOR, Installation
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.access import ServiceAccount, missing, named_by_place
from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.kube.namespaces import absent
from tokenfactory_operator.kube.paths import NAMESPACES
from tokenfactory_operator.leader.lease import LeaseRecord
from tokenfactory_operator.ports import Key
from tokenfactory_operator.process.standing import own_rights, watched_rights
from tokenfactory_operator.settings import Settings

INSTALL: Final = "see docs/install.md: helm install tokenfactory-operator … -n tokenfactory-system"
LEASE_NAMESPACE: Final = "name the namespace of its Lease: export TOKENFACTORY_LEASE_NAMESPACE=…"


async def operator(session: Session, *, metrics_url: str = "") -> AsyncIterator[Check]:
    """`metrics_url`: where an operator that is no pod of this cluster serves its metrics."""
    installation = await session.installation()
    settings = (await session.access()).settings
    lease = await _lease(session, installation, settings)
    led = judged_lease(lease, settings, now=datetime.now(UTC))
    if installation is None:
        yield outside(led, metrics_url)
    else:
        yield deployment(installation)
        yield await _rights(session, installation, settings)
    async for check in _namespaces(session, settings):
        yield check
    yield led
    for check in await last_list(await session.client(), leading(installation, lease), settings, metrics_url):
        yield check


def outside(led: Check, metrics_url: str) -> Check:
    """What to say where there is no Deployment: a process of its own, or a pod of another kind, may be the operator."""
    text = "No Deployment of the operator was found."
    if led.verdict is Verdict.OK:
        return ok("deployment", f"{text} It runs as a process of its own, since somebody leads.")
    if metrics_url:
        return ok("deployment", f"{text} It runs as a process of its own, at the address of its metrics.")
    return warning("deployment", f"{text} One that runs outside of the cluster is not seen here.", INSTALL)


def deployment(installation: Installation) -> Check:
    """Whether a pod of it is ready."""
    text = f"{installation.key}: {installation.ready} of {installation.wanted} pods are ready ({installation.image})."
    if installation.ready >= max(1, installation.wanted):
        return ok("deployment", text)
    where = f"kubectl -n {installation.key.namespace}"
    step = f"{where} describe pods -l {SELECTOR}; {where} logs deploy/{installation.key.name} --tail=20"
    return warning("deployment", text, step) if installation.ready else problem("deployment", text, step)


async def _rights(session: Session, installation: Installation, settings: Settings) -> Check:
    account = ServiceAccount(installation.key.namespace, installation.account)
    places = settings.watch_namespaces or ("",)
    rights = [
        *own_rights(settings, installation.key.namespace),
        *(right for place in places for right in watched_rights(settings, place)),
    ]
    try:
        lacking = await missing(await session.client(), dict.fromkeys(rights), account)
    except KubeError as error:
        return unknown("operator-rights", f"The rights of the operator's account are not known: {error.message}")
    if not lacking:
        return ok("operator-rights", f"Its account {installation.account} has all rights that it needs.")
    text = f"Its account {installation.account} may not {named_by_place(lacking)}."
    return problem("operator-rights", text, "helm upgrade with rbac.create=true, or grant what is named")


async def _namespaces(session: Session, settings: Settings) -> AsyncIterator[Check]:
    """Of each watched namespace that does not exist; those that whoever types may not read are left out."""
    client = await session.client()
    for name in settings.watch_namespaces:
        try:
            await client.request("GET", NAMESPACES.named(name))
        except KubeNotFound:
            yield warning("namespace", absent(name), f"kubectl create namespace {name}")
        except KubeError:
            continue


async def _lease(session: Session, installation: Installation | None, settings: Settings) -> LeaseRecord | str | None:
    """The record, None where there is none, or why it is not known."""
    if not settings.leader_election:
        return "Leader election is off, so a single process has to run."
    known = settings.lease_namespace or (installation.key.namespace if installation else "")
    namespace = known or await session.namespace()  # a process of its own has its Lease in that of its kubeconfig
    try:
        lease = await KubeLeases(await session.client(), namespace=namespace, name=settings.lease_name).get()
    except KubeError as error:
        return f"Who leads is not known: {error.message}"
    if not known and (lease is None or not lease.holder):
        return "Who leads is not known, for want of a Deployment: it says in which namespace the Lease is."
    return lease


def judged_lease(lease: LeaseRecord | str | None, settings: Settings, *, now: datetime) -> Check:
    """Whether somebody leads, by the clock of this machine."""
    if isinstance(lease, str):
        return unknown("leader", lease, "" if settings.lease_namespace else LEASE_NAMESPACE)
    step = f"look whether the operator's pods run: kubectl get pods -A -l {SELECTOR}"
    if lease is None or not lease.holder:
        return problem("leader", f"Nobody leads: the Lease {settings.lease_name} has no holder.", step)
    age = _age(lease.renewed, now)
    if age is None:
        return unknown("leader", f"{lease.holder} leads; when it renewed the Lease cannot be read.")
    text = f"{lease.holder} leads; it renewed the Lease {age:.0f} s ago."
    late = age > 2 * (lease.duration or settings.lease_duration)
    return problem("leader", f"Nobody leads any more: {text}", step) if late else ok("leader", text)


def _age(renewed: str, now: datetime) -> float | None:
    try:
        return max(0.0, (now - datetime.fromisoformat(renewed)).total_seconds())
    except (TypeError, ValueError):
        return None


def leading(installation: Installation | None, lease: LeaseRecord | str | None) -> Pod | None:
    """The pod that holds the Lease; None where nobody does, or who is no pod of a Deployment."""
    if installation is None or not isinstance(lease, LeaseRecord) or "_" not in lease.holder:
        return None
    name = lease.holder.rpartition("_")[0]
    return Pod(Key(installation.key.namespace, name), installation.ports.get("metrics", 8080))
