"""From flags and environment to `Settings`, or to one message that says what is wrong, where, and what is accepted.

Also the description of each setting, which flags, `--help`, messages and docs/settings.md are made from.
"""

from __future__ import annotations

import difflib
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import annotated_types
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from tokenfactory_operator.domain.errors import CredentialsError, bounded, visible
from tokenfactory_operator.settings.durations import format_duration
from tokenfactory_operator.settings.model import Settings
from tokenfactory_operator.settings.names import ENV_PREFIX, both_spellings
from tokenfactory_operator.settings.values import Accepts

SHOWN: Final = 100
"""Characters of a wrong value that a message repeats."""

_HIDDEN: Final = frozenset({"token", "token_file"})
"""Settings whose wrong value is never repeated: the token, and where one is put by mistake."""

_URL_SECRETS: Final = re.compile(r"(?:(?<=//)|^).*(?=@)|[?#].*", re.DOTALL)
"""Where a URL may carry a secret: user and password, query, fragment."""

_SERVICE_LINK: Final = re.compile(
    r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
"""Variables that Kubernetes adds to every pod for each Service; one named tokenfactory-… would look like ours."""


class StartupError(Exception):
    """The process cannot start as it was asked to; the message says what to change. Exit status 2."""


@dataclass(frozen=True)
class Setting:
    """One setting, described for people."""

    field: str
    group: str
    description: str
    metavar: str
    accepts: str
    default: str

    @property
    def environment(self) -> str:
        """Name of the environment variable."""
        return ENV_PREFIX + self.field.upper()

    @property
    def flag(self) -> str | None:
        """The flag; none for the token itself, since process arguments are public."""
        return None if self.field == "token" else f"--{self.field.replace('_', '-')}"


def described_settings() -> tuple[Setting, ...]:
    """Every setting in the order of the model."""
    return tuple(_describe(name, info) for name, info in Settings.model_fields.items())


def load_settings(flags: Mapping[str, str]) -> Settings:
    """Settings of `flags` (by field name) over the environment. Raises `StartupError`, also for files it names."""
    try:
        settings = Settings(**dict[str, Any](flags))
    except ValidationError as error:
        # Not chained: the cause would carry what was given, the token included.
        raise StartupError("\n".join(_sentences(error, flags))) from None
    _check_files(settings)
    return settings


def unknown_environment(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable with our prefix that nothing reads: most likely a slip of the pen."""
    known = [setting.environment for setting in described_settings()]
    sentences = []
    for name in sorted(environment):
        if not name.startswith(ENV_PREFIX) or name in known or _SERVICE_LINK.fullmatch(name):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        sentences.append(f"{name} is not a setting and has no effect; the nearest setting is {nearest}")
    return sentences


def _describe(name: str, info: FieldInfo) -> Setting:
    accepts = next(mark for mark in info.metadata if isinstance(mark, Accepts))
    extra = info.json_schema_extra
    group = str(extra["group"]) if isinstance(extra, dict) else ""
    duration = accepts.metavar == "DURATION"
    return Setting(
        field=name,
        group=group,
        description=info.description or "",
        metavar=accepts.metavar,
        accepts=accepts.text + _bounds(info, duration=duration),
        default=_default_text(info.default, duration=duration),
    )


def _bounds(info: FieldInfo, *, duration: bool) -> str:
    low = next((mark.ge for mark in info.metadata if isinstance(mark, annotated_types.Ge)), None)
    high = next((mark.le for mark in info.metadata if isinstance(mark, annotated_types.Le)), None)
    if low is None or high is None:
        return ""
    return f", {_default_text(low, duration=duration)} to {_default_text(high, duration=duration)}"


def _default_text(value: Any, *, duration: bool) -> str:  # noqa: ANN401  a default may be of any kind
    if value is None or value == ():
        return ""
    if duration:
        return format_duration(value)
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sentences(error: ValidationError, flags: Mapping[str, str]) -> list[str]:
    described = {setting.field: setting for setting in described_settings()}
    sentences = []
    for problem in error.errors(include_url=False):
        cause = str(problem.get("ctx", {}).get("error", ""))
        if not problem["loc"]:
            sentences.append(cause)
            continue
        setting = described[str(problem["loc"][0])]
        # As it was written: where a bound is at fault, the problem's own input is what was already made of it.
        written = flags.get(setting.field, os.environ.get(setting.environment, problem["input"]))
        given = _shown(setting, written)
        why = f" ({cause})" if cause else ""
        sentences.append(f"{both_spellings(setting.field)}: {given} is not accepted{why}; accepted: {setting.accepts}")
    return sentences


def _shown(setting: Setting, value: object) -> str:
    if setting.field in _HIDDEN or isinstance(value, SecretStr) or _has_token(value):
        return "the value given (not shown)"
    text = repr(_URL_SECRETS.sub("…", value) if setting.field == "api_url" and isinstance(value, str) else value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _has_token(value: object) -> bool:
    """Whether the token was put into another setting too."""
    token = os.environ.get(f"{ENV_PREFIX}TOKEN", "").strip()
    return bool(token) and token in str(value)


def _check_files(settings: Settings) -> None:
    if settings.token_file is not None:
        try:
            settings.token_source().read()
        except CredentialsError as error:
            raise StartupError(
                f"{both_spellings('token_file')}: {error}; accepted: a readable file with nothing but the token"
            ) from error
    if settings.ca_file is not None:
        _check_bundle(settings.ca_file)


def _check_bundle(path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        detail = "holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        shown = visible(bounded(str(path)))
        raise StartupError(
            f"{both_spellings('ca_file')}: {shown}: {detail}; accepted: a readable file of PEM certificates"
        ) from error
