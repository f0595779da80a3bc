"""Sets the stage of a rehearsal: the objects of the cluster, those that would be applied, and the cloud of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tokenfactory_operator.cli.rehearsal.stage import Stage
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.cloud.failures import Advice
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.domain.errors import CredentialsError, KubeError
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.process.opener import OF_A_SECRET
from tokenfactory_operator.state.cache import key_of, secret_of

Troubled = dict[Key, str]
"""Objects of which nothing can be told, and why."""


async def prepared(session: Session, planned: Sequence[JsonObject]) -> tuple[Stage, Troubled]:
    """A stage on which each of `planned` can be rehearsed, but for those that are troubled.

    Raises:
        CliError: there is no token, or the operator's cloud cannot be listed.
        KubeError: the objects cannot be listed.
    """
    access, cluster_id = await session.access(), await session.cluster_id()
    bodies, left_out = await session.every_object()
    if left_out:
        session.out.note(f"{left_out} What objects of other namespaces have is not known.")
    secrets = KubeSecrets(await session.client())
    stage = Stage(access.settings, access.needed(), secrets, cluster_id=cluster_id)
    stage.put(bodies)
    stage.put(planned)
    troubles = await _read_secrets(secrets, stage, planned) if access.settings.secret_credentials else {}
    return stage, troubles | await _open_clouds(session, stage, planned, troubles)


async def _read_secrets(secrets: KubeSecrets, stage: Stage, planned: Sequence[JsonObject]) -> Troubled:
    troubles: Troubled = {}
    for body in planned:
        secret = secret_of(body)
        if secret is None:
            continue
        try:
            metadata = await secrets.get(secret)
            if metadata is not None:
                stage.values.secrets.put(metadata)
            await stage.values.read(body)
        except KubeError as error:
            troubles[key_of(body)] = f"Its Secret {secret} cannot be read: {error.message}"
    return troubles


async def _open_clouds(session: Session, stage: Stage, planned: Sequence[JsonObject], troubles: Troubled) -> Troubled:
    users: dict[Credential, list[Key]] = defaultdict(list)
    for body in planned:
        if key_of(body) in troubles:
            continue
        try:
            users[stage.credentials.of(body)].append(key_of(body))
        except CredentialsError:
            continue  # the rehearsal says so, as the operator does
    found: Troubled = {}
    origin = (await session.access()).origin
    for credential, keys in users.items():
        advice = Advice(token=origin) if credential == stage.credentials.own else OF_A_SECRET
        real = await session.cloud_of(credential.token, credential.project_id, advice)
        with session.out.working("Listing the endpoints"):
            failure = await stage.open(credential, real, keys)
        if failure is not None and credential == stage.credentials.own:
            raise await session.failed(failure)
        if failure is not None:
            found |= dict.fromkeys(keys, failure.message)
    return found
