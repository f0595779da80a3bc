"""The kinds of value that a setting can have: how each is read from text, and what is accepted, in words.

A reader raises `ValueError` with what is wrong; it never repeats what was given, which may be a secret put in the
wrong place.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer, SecretStr
from pydantic_settings import NoDecode

from tokenfactory_operator.credentials.choice import check_token
from tokenfactory_operator.settings.durations import ACCEPTED, format_duration, parse_duration

MAX_PORT: Final = 65_535
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_ROOT_DOT: Final = re.compile(r"\.(?=(?::\d*)?$)")
_ADDRESS: Final = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+")
"""Printable ASCII, and what is escaped."""
_HOST_AND_PORT: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_SHOWN: Final = 100
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OBJECT: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_OBJECT_LENGTH: Final = 253
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?{_LABEL}"
_REQUIREMENT: Final = (
    rf"(?:!?\s*{_KEY}"
    rf"|{_KEY}\s*(?:==?|!=)\s*(?:{_LABEL})?"
    rf"|{_KEY}\s+(?:in|notin)\s*\(\s*(?:{_LABEL})?(?:\s*,\s*(?:{_LABEL})?)*\s*\))"
)
_SELECTOR: Final = re.compile(rf"\s*{_REQUIREMENT}\s*(?:,\s*{_REQUIREMENT}\s*)*")


@dataclass(frozen=True)
class Accepts:
    """What a kind of value takes, for messages and documentation; `metavar` stands for it in a synopsis."""

    text: str
    metavar: str


@dataclass(frozen=True)
class ListenAddress:
    """Where a server listens; `host` `None` is every interface, `port` 0 a free one."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def _seconds(value: object) -> object:
    if isinstance(value, str):
        return parse_duration(value.strip())
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("not a duration")
    return value


def _nothing_if_blank(value: object) -> object:
    if isinstance(value, str):
        return value.strip() or None
    return value


def _token(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    # A blank one is none: charts render what is not set as an empty string.
    return check_token(text) if isinstance(text, str) and text.strip() else None


def _token_path(value: object) -> object:
    text = _nothing_if_blank(value)
    if isinstance(text, str) and not text.startswith(("/", "./", "../")):
        raise ValueError("does not look like a path: was the token itself given?")
    return text


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = tuple(dict.fromkeys(name for name in re.split(r"[,\s]+", value) if name))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(f"{name[:_SHOWN]!r} is not the name of a namespace")
    return names


def _secret_names(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = tuple(dict.fromkeys(name for name in re.split(r"[,\s]+", value) if name))
    for name in names:
        if not _OBJECT.fullmatch(name) or len(name) > _OBJECT_LENGTH:
            raise ValueError(f"{name[:_SHOWN]!r} is not the name of a Secret")
    return names


def _names_or_all(value: object) -> object:
    return ("*",) if isinstance(value, str) and value.strip() == "*" else _names(value)


def _hosts(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = tuple(pair for pair in re.split(r"[,\s]+", value) if pair)
    for pair in pairs:
        region, _, host = pair.partition("=")
        if not _NAMESPACE.fullmatch(region) or not _is_inference_host(host):
            raise ValueError(f"{pair[:_SHOWN]!r} is not a region, '=' and a host name")
    if len(host_table(pairs)) < len(pairs):
        raise ValueError("a region is there twice")
    return pairs


def _is_inference_host(text: str) -> bool:
    """A host, called by https; or, with `http://` before it, a simulator on the own machine."""
    host = text.removeprefix("http://")
    name, colon, port = host.partition(":")
    if not _HOST_AND_PORT.fullmatch(host) or not _is_host(name) or (colon and not 0 < int(port) <= MAX_PORT):
        return False
    return host == text or _is_loopback(name)


def host_table(pairs: tuple[str, ...]) -> dict[str, str]:
    """Region → host."""
    return dict(pair.split("=", 1) for pair in pairs)


def _selector(value: object) -> object:
    text = _nothing_if_blank(value)
    if isinstance(text, str) and not _SELECTOR.fullmatch(text):
        raise ValueError("not a label selector")
    return text


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in {"", "0"}:
        return None
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("has no port")
    if not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise ValueError("the port is not a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return ListenAddress(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    if host and not _HOST.fullmatch(host):
        raise ValueError("the host is neither a name nor an address (IPv6 goes in brackets)")
    return ListenAddress(host or None, int(port))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _api_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError where the port is no number
    except ValueError:
        raise ValueError("not an http(s) address") from None  # its own text quotes what may be a password
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _ADDRESS.fullmatch(text):
        raise ValueError("not an http(s) address")
    if parts.port == 0 or (":" not in parts.hostname and not _is_host(parts.hostname)):
        raise ValueError("its host or port is none (a name in another script has a form that begins with xn--)")
    if parts.username is not None or "?" in text or "#" in text:
        raise ValueError("user, query and fragment have no place in it")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("the token would travel unencrypted")
    # A dot at the end says that the name is complete; no certificate has it.
    return text.replace(parts.netloc, _ROOT_DOT.sub("", parts.netloc), 1)


def _is_host(name: str) -> bool:
    """A name that can be looked up, or an IPv4 address: what ends with a number can be nothing else."""
    whole = name.removesuffix(".")
    try:
        whole.encode().decode("idna").encode("idna")
        if whole.rpartition(".")[2].isdecimal():
            ipaddress.IPv4Address(whole)
    except ValueError:  # UnicodeError is one
        return False
    return bool(_HOST_NAME.fullmatch(name))


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Seconds = Annotated[
    float, BeforeValidator(_seconds), PlainSerializer(format_duration, when_used="json"), Accepts(ACCEPTED, "DURATION")
]
"""Seconds, read and shown as a duration."""

OptionalSeconds = Annotated[
    float | None,
    BeforeValidator(_nothing_if_blank),
    BeforeValidator(_seconds),
    PlainSerializer(lambda value: None if value is None else format_duration(value), when_used="json"),
    Accepts(f"{ACCEPTED} (empty: the default)", "DURATION"),
]
"""Seconds, or None for a default that depends on another setting."""

_NAME_TEXT: Final = "a name as Kubernetes takes it: lower-case letters, digits, '-' and '.'"
Name = Annotated[str, Accepts(_NAME_TEXT, "NAME")]
OptionalName = Annotated[
    str | None, BeforeValidator(_nothing_if_blank), Accepts(f"{_NAME_TEXT} (empty: the default)", "NAME")
]

ApiUrl = Annotated[
    str, BeforeValidator(_api_url), Accepts("an https address; plain http for the own machine only (127.0.0.1)", "URL")
]
Token = Annotated[
    SecretStr | None,
    BeforeValidator(_token),
    Accepts("8 or more printable ASCII characters without white space", "TOKEN"),
]
TokenPath = Annotated[
    Path | None, BeforeValidator(_token_path), Accepts("a path that starts with /, ./ or ../ (empty: none)", "PATH")
]
FilePath = Annotated[Path | None, BeforeValidator(_nothing_if_blank), Accepts("a path (empty: none)", "PATH")]
ProjectId = Annotated[
    str | None,
    BeforeValidator(_nothing_if_blank),
    Accepts("1 to 128 letters, digits, '-', '_' and '.' (empty: none)", "ID"),
]
ClusterId = Annotated[
    str | None,
    BeforeValidator(_nothing_if_blank),
    Accepts("1 to 32 lower-case letters, digits and '-' (empty: taken from the cluster)", "ID"),
]
Namespaces = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_names),
    Accepts("names of namespaces, separated by commas (empty: all)", "NAMES"),
]
NamespacesOrAll = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_names_or_all),
    Accepts("names of namespaces, separated by commas, or * for all (empty: none)", "NAMES"),
]
SecretNames = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_secret_names),
    Accepts("names of Secrets, separated by commas (empty: none)", "NAMES"),
]
Hosts = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_hosts),
    Accepts("region=host, separated by commas (empty: none); plain http for the own machine only", "HOSTS"),
]
"""Pairs; `host_table` reads them."""
Switch = Annotated[bool, Accepts("true or false", "BOOL")]
Namesakes = Annotated[Literal["Create", "Conflict"], Accepts("Create or Conflict", "WHAT")]
AdoptionRecreated = Annotated[Literal["Conflict", "Adopt"], Accepts("Conflict or Adopt", "WHAT")]
Selector = Annotated[
    str | None,
    BeforeValidator(_selector),
    Accepts("a label selector such as team=ml,env!=dev (empty: all)", "SELECTOR"),
]
Address = Annotated[
    ListenAddress | None,
    NoDecode,
    BeforeValidator(_address),
    Accepts("host:port, or :port for every interface (empty or 0: off)", "ADDRESS"),
]
LogFormat = Annotated[Literal["json", "console"], BeforeValidator(_lower), Accepts("json or console", "FORMAT")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(_lower),
    Accepts("debug, info, warning or error", "LEVEL"),
]
Count = Annotated[int, Accepts("a whole number", "N")]
Rate = Annotated[float, Accepts("a number", "N")]
