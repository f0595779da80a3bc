"""`import`: manifests for endpoints that exist, to be kept in Git. It only reads; applying them is the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from tokenfactory_operator.cli import manifests
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit, NoCluster
from tokenfactory_operator.cli.moving import Left, Moved, Owners, moved, unique
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import CloudError, KubeError, visible
from tokenfactory_operator.domain.observed import ObservedEndpoint

KUSTOMIZATION: Final = "kustomization"
"""The file of this name lists the others."""
NEXT: Final = "Next: kubectl tokenfactory plan -f …, then kubectl apply -f … ."

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ENDPOINT_ID]…", help="Only these. Default: all without an object.")
]
Observe = Annotated[bool, typer.Option("--observe", help="Only look on: nothing is changed, the owner mark neither.")]
Folder = Annotated[
    str, typer.Option("--output-dir", metavar="DIR", help="A file for each, and a kustomization.", show_default=False)
]


@command(formats=False)
async def importing(
    session: Session,
    endpoint_ids: Ids = None,
    observe: Observe = False,  # noqa: FBT002  # typer's form
    output_dir: Folder = "",
) -> Exit:
    """Write manifests for endpoints that exist in the cloud.

    Each names its endpoint in spec.endpointId and leaves out what may be left out. Applying them takes the endpoints
    over and changes nothing but the owner mark in the description; with --observe not even that. Endpoints that an
    object has already are left out. The exit status is 2 if an endpoint could not be imported.

    Examples:
    kubectl tokenfactory import -n ml > endpoints.yaml
    kubectl tokenfactory import -n ml --output-dir endpoints/
    kubectl tokenfactory import -n ml --observe | kubectl apply -f -
    """
    await session.access_without_cluster()
    try:
        listed = await session.endpoints()
    except CloudError as error:
        raise await session.failed(error) from None
    if not listed.view:
        raise CliError(f"The cloud's list is not complete: {listed.problem}", hint="Try again.")
    namespace, owners, taken = await _owners(session)
    results = list(
        moved(
            listed.endpoints,
            namespace=namespace,
            owners=owners,
            observe=observe,
            taken=taken,
            only=_listed(endpoint_ids or [], listed.endpoints),
        )
    )
    done = [each for each in results if isinstance(each, Moved)]
    _write(session, done, output_dir)
    left = [each for each in results if isinstance(each, Left)]
    _note(session, done, left)
    await _note_rights(session, done)
    asked = bool(endpoint_ids)
    return Exit.FOUND if any(each.problem or asked for each in left) else Exit.DONE


def _listed(ids: Sequence[str], endpoints: Sequence[ObservedEndpoint]) -> frozenset[str]:
    unlisted = set(ids) - {endpoint.id for endpoint in endpoints}
    if unlisted:
        raise CliError(
            f"The cloud does not list {', '.join(sorted(unlisted))}.",
            hint="kubectl tokenfactory list shows what it lists.",
        )
    return frozenset(ids)


async def _owners(session: Session) -> tuple[str, Owners, set[str]]:
    """The namespace, whose the endpoints are, and the names of that namespace that are in use."""
    try:
        namespace, cluster_id = await session.namespace(), await session.cluster_id()
        bodies, left_out = await session.every_object()
    except (NoCluster, KubeError) as error:
        session.out.note(f"The cluster cannot be asked, so each endpoint with a mark is left out: {error.message}")
        return session.options.namespace or "default", Owners("", (), (), ()), set()
    if left_out:
        session.out.note(left_out)
    await session.note_unknown_settings()
    shown = [Shown.of(body) for body in bodies]
    owners = Owners(
        cluster_id,
        {str(each.key) for each in shown if each.endpoint_id},
        {each.uid for each in shown},
        {each.endpoint_id for each in shown} | {each.named_id for each in shown} - {""},
        whole=not left_out,
    )
    return namespace, owners, {each.key.name for each in shown if each.key.namespace == namespace}


def _write(session: Session, done: Sequence[Moved], folder: str) -> None:
    if not folder:
        for each in done:
            session.out.write(_commented(each))
        return
    if not done:
        return  # a folder without a manifest would be of no use to the next command
    place = Path(folder)
    files = files_of(done)
    there = [name for name in files if (place / name).exists()]
    if there:
        raise CliError(
            f"{place} has {', '.join(there)} already.", hint="Choose an empty folder: nothing is overwritten."
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{place} cannot be written: {error.strerror}.", hint="Choose another folder.") from None


def files_of(done: Sequence[Moved]) -> dict[str, str]:
    """A file for each, by the name of its object, and the kustomization of them all.

    The namespace comes before the name where that alone would be the name of two files.
    """
    often = Counter([KUSTOMIZATION, *(each.manifest["metadata"]["name"] for each in done)])
    texts: dict[str, str] = {}
    for each in done:
        name, namespace = each.manifest["metadata"]["name"], each.manifest["metadata"]["namespace"]
        stem = name if often[name] == 1 else f"{namespace}-{name}"
        texts[unique(stem, each.endpoint.id, texts)] = _commented(each)
    files = {f"{stem}.yaml": text for stem, text in texts.items()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return {**files, f"{KUSTOMIZATION}.yaml": manifests.written([kustomization])}


def _commented(each: Moved) -> str:
    """The manifest, with what people call the endpoint: one line, whatever they wrote."""
    endpoint = each.endpoint
    said = ", ".join(filter(None, (endpoint.name or endpoint.id, endpoint.status)))
    return manifests.written([each.manifest]).replace("---\n", f"---\n# {visible(' '.join(said.split()))}\n", 1)


def _note(session: Session, done: Sequence[Moved], left: Sequence[Left]) -> None:
    note = session.out.note
    for each in done:
        for warning in each.warnings:
            note(f"Endpoint {each.endpoint.id} ({each.manifest['metadata']['name']}): {warning}.")
    for item in left:
        note(f"Left out: endpoint {item.endpoint.id}: {item.why}.")
    note(f"{count(len(done), 'endpoint')} imported, {len(left)} left out. {NEXT if done else ''}".strip())


async def _note_rights(session: Session, done: Sequence[Moved]) -> None:
    """Whether the namespace may take them over with the operator's own token."""
    settings = (await session.access_without_cluster()).settings
    places = {each.manifest["metadata"]["namespace"] for each in done}
    for place in sorted(places):
        if not settings.policy(place, own_credential=True).may_adopt:
            session.out.note(
                f"The namespace {place} may not adopt with the operator's own token: add it to "
                "TOKENFACTORY_ADOPTION_NAMESPACES (chart: settings.adoptionNamespaces)."
            )
