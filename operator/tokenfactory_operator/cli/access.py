"""With whose token does a command call the cloud, and by which settings does it judge? See ADR 38.

A token of this environment (`TOKENFACTORY_TOKEN`, `TOKENFACTORY_TOKEN_FILE`) comes first; else the Secret of the
operator's Deployment is read, with the rights of whoever types. A token of this environment is never sent to an address
that the cluster names: with it, all settings of the cloud come from this environment.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from tokenfactory_operator.cli.errors import CliError
from tokenfactory_operator.cli.installation import Installation, SecretKey
from tokenfactory_operator.domain.errors import CredentialsError, KubeError, KubeNotFound
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.paths import SECRETS
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.settings.loading import described_settings, load_settings
from tokenfactory_operator.settings.names import ENV_PREFIX

NO_TOKEN: Final = "no-token"  # noqa: S105 - stands where there is none
NEEDED: Final = (
    "Set TOKENFACTORY_TOKEN or TOKENFACTORY_TOKEN_FILE (for a simulator TOKENFACTORY_API_URL too), or use an account "
    "that may read the Secret of the operator."
)
SETTINGS: Final = "docs/settings.md says what each setting may be."
_OF_THE_TOKEN: Final = frozenset({"token", "token_file"})


class _Reported(Settings):
    """Settings of a Deployment: nothing of this process's environment counts."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, and nothing else."""
        return (init_settings,)


@dataclass(frozen=True)
class Access:
    """How the operator is set up, and a token for its cloud."""

    settings: Settings
    """As the operator has them, as far as they are known."""
    token: SecretStr | None
    origin: str
    """Where the token comes from, for people."""
    problem: str = ""
    """Why there is no token."""
    mend: str = ""
    """What to type where the operator itself has none either, so that no pod of it can start."""

    def needed(self) -> SecretStr:
        """The token. Raises `CliError` where there is none."""
        if self.token is None:
            raise CliError(self.problem, hint=self.mend or NEEDED)
        return self.token


async def access(
    client: KubeClient | None, installation: Installation | None, environ: Mapping[str, str] = os.environ
) -> Access:
    """Find the settings and the token. Raises `CliError` where what was given here cannot be used."""
    local = {
        setting.field: environ[setting.environment]
        for setting in described_settings()
        if environ.get(setting.environment)
    }
    reported = _fields(installation.environment) if installation is not None else {}
    if local.keys() & _OF_THE_TOKEN:
        return _of_this_environment(local, reported)
    for group in (local, reported):
        for name in _OF_THE_TOKEN:
            group.pop(name, None)
    settings = _settings({**reported, **local})
    if installation is None or client is None:
        return Access(settings, None, "", "There is no token: none is set here, and no operator was found.")
    return await _of_the_operator(client, installation, settings)


def _of_this_environment(local: dict[str, str], reported: dict[str, str]) -> Access:
    others = {name: value for name, value in reported.items() if name not in _of_the_cloud()}
    try:
        settings = load_settings({**others, **local})
        token = settings.token_source().read()
    except (StartupError, CredentialsError) as error:
        raise CliError(str(error), hint=SETTINGS) from None
    return Access(settings, token, f"{ENV_PREFIX}TOKEN{'_FILE' if 'token_file' in local else ''} of this environment")


async def _of_the_operator(client: KubeClient, installation: Installation, settings: Settings) -> Access:
    place = installation.key.namespace
    if installation.token is None:
        return Access(settings, None, "", f"There is no token: the Deployment {installation.key} names no Secret.")
    origin = f"the Secret {place}/{installation.token.name}"
    try:
        secret = await client.request("GET", SECRETS.named(installation.token.name, place))
        text = base64.b64decode((secret.get("data") or {}).get(installation.token.key, ""), validate=True).decode()
    except KubeNotFound:
        text = f"There is no token: {origin} of the operator is missing, so its pods cannot start."
        return Access(settings, None, "", text, mend=_made(place, installation.token))
    except KubeError as error:
        return Access(settings, None, "", f"There is no token: {origin} cannot be read: {error.message}.")
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text.strip():
        text = f"There is no token: {origin} has nothing under the key {installation.token.key}."
        replaced = f"{_made(place, installation.token)} --dry-run=client -o yaml | kubectl apply -f -"
        return Access(settings, None, "", text, mend=replaced)
    return Access(settings, SecretStr(text.strip()), origin)


def _made(namespace: str, token: SecretKey) -> str:
    return f"kubectl -n {namespace} create secret generic {token.name} --from-file={token.key}=/path/to/token"


def _of_the_cloud() -> frozenset[str]:
    """Settings that say where a token is sent, and how."""
    return frozenset(setting.field for setting in described_settings() if setting.group == "Cloud")


def _fields(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings by field; files of the pod are not here, and what this version does not know has no meaning here."""
    known = {setting.environment: setting.field for setting in described_settings()}
    named = {known[name]: value for name, value in environment.items() if name in known}
    return {name: value for name, value in named.items() if name != "ca_file"}


def _settings(fields: Mapping[str, str]) -> Settings:
    try:
        return _Reported(**dict[str, Any]({**fields, "token": NO_TOKEN}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, cause = "".join(map(str, first["loc"][:1])), (first.get("ctx") or {}).get("error", first["msg"])
        raise CliError(f"The settings cannot be used: {f'{name}: ' if name else ''}{cause}", hint=SETTINGS) from None
