"""Which proxy leads to an address: one answer for the API server and for the cloud, and the one that kubectl gives.

The rules are those of Go's `golang.org/x/net/http/httpproxy`, which kubectl and most of a cluster follow; `NO_PROXY`
takes names, addresses and networks of both families, each with a port if need be. Python's clients each have rules of
their own, so none of them is left to read the environment. `ALL_PROXY` is not read, as kubectl does not read it.

No text of this module holds a proxy's address: it may carry a password.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

SPOKEN: Final = ("http", "https")
"""How a proxy may be spoken to."""
MAPPED: Final = 96
"""Bits before the IPv4 address in an IPv6 one that embeds it."""
PORTS: Final[Mapping[str, str]] = {"http": "80", "https": "443"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Spared = Callable[[str, str, Address | None], bool]
"""Whether an entry of `NO_PROXY` spares this host, port and, if the host is one, address."""


class ProxyError(ValueError):
    """A proxy variable that cannot be used: one sentence that names it and says what to change."""


@dataclass(frozen=True)
class Proxies:
    """The proxy variables of one environment."""

    environ: Mapping[str, str]

    def of(self, url: str) -> str | None:
        """The proxy for `url`; `None`: it is reached directly.

        Raises:
            ProxyError: the variable that applies to it cannot be used.
        """
        address = urlsplit(url)
        name = f"{address.scheme.upper()}_PROXY"
        given = self._value(name)
        if not given or not address.hostname or self._spared(address.hostname, address.port, address.scheme):
            return None
        host = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
        return usable(given, name=name, otherwise=f"add the host of {host} to NO_PROXY")

    def unread(self) -> str:
        """What to say of a variable that is set and has no effect; empty if there is none."""
        if not self._value("ALL_PROXY"):
            return ""
        return "ALL_PROXY is set and is not used, as kubectl does not use it: set HTTPS_PROXY for what needs a proxy"

    def _value(self, name: str) -> str:
        return self.environ.get(name) or self.environ.get(name.lower()) or ""

    def _spared(self, host: str, port: int | None, scheme: str) -> bool:
        host, at = host.lower().rstrip(), str(port or PORTS.get(scheme, ""))
        address = _address(host)
        if host == "localhost" or (address is not None and _embedded(address).is_loopback):
            return True
        return any(spares(host, at, address) for spares in _entries(self._value("NO_PROXY")))


def of_environment() -> Proxies:
    """Those of this process."""
    return Proxies(os.environ)


def usable(given: str, *, name: str, otherwise: str) -> str:
    """A proxy's address as clients take it; as Go: without a scheme it is an http proxy.

    `name` says where it stands, `otherwise` what a person can do instead. Raises `ProxyError`.
    """
    parts = _split(given)
    if "://" not in given:
        given, parts = f"http://{given}", _split(f"http://{given}")
    if parts is None or not parts.hostname:
        raise ProxyError(
            f"{name} holds no address of a proxy. Write it as http://host:port, or unset it, or {otherwise}."
        )
    if parts.scheme.lower() not in SPOKEN:
        raise ProxyError(
            f"{name} names a proxy of the kind {parts.scheme[:20]}, which the operator does not speak. Name an http:// "
            f"or https:// proxy, or {otherwise}."
        )
    return given


def _split(url: str) -> _Split | None:
    if any(char.isspace() or not char.isprintable() for char in url):
        return None  # the end of a line, most often: it is no part of an address, and clients fail at it
    try:
        parts = urlsplit(url)
        return _Split(parts.scheme, parts.netloc, parts.hostname or "", parts.port)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Split:
    scheme: str
    netloc: str
    hostname: str
    port: int | None


def _entries(no_proxy: str) -> list[Spared]:
    entries: list[Spared] = []
    for text in no_proxy.split(","):
        entry = text.strip().lower()
        if entry == "*":
            return [lambda _host, _port, _address: True]
        found = _entry(entry) if entry else None
        if found is not None:
            entries.append(found)
    return entries


def _entry(entry: str) -> Spared | None:
    """One entry; `None` for one that means nothing, which is left out."""
    network = _network(entry)
    if network is not None:
        return lambda _host, _port, address: address is not None and _embedded(address) in network
    host, port = _host_and_port(entry)
    if not host:
        return None
    own = _address(host)
    if own is not None:
        wanted = _embedded(own)
        return lambda _host, at, address: address is not None and _embedded(address) == wanted and port in ("", at)
    domain = host.removeprefix("*") if host.startswith("*.") else host
    suffix = domain if domain.startswith(".") else f".{domain}"
    itself = "" if domain.startswith(".") else domain

    def spares(name: str, at: str, address: Address | None) -> bool:
        return address is None and (name.endswith(suffix) or name == itself) and port in ("", at)

    return spares


def _host_and_port(entry: str) -> tuple[str, str]:
    """Go's `net.SplitHostPort`: without exactly one colon (outside brackets) the whole is the host."""
    if entry.startswith("["):
        host, closed, rest = entry[1:].partition("]")
        return (host, rest[1:]) if closed and rest.startswith(":") else (entry, "")
    host, colon, port = entry.partition(":")
    return (host, port) if colon and ":" not in port else (entry, "")


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    address, slash, length = entry.partition("/")
    if not slash or not length.isdecimal():
        return None
    try:
        network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return None
    first = _embedded(network.network_address)
    if first is network.network_address or network.prefixlen < MAPPED:
        return network
    return ipaddress.ip_network(f"{first}/{network.prefixlen - MAPPED}")


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """An IPv4 address in IPv6 clothes is that IPv4 address, as for Go."""
    return getattr(address, "ipv4_mapped", None) or address
