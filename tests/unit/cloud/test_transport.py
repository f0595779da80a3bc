"""How the cloud is reached: settings that are refused at once, and TLS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings, tls_context
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.cloud.support import TOKEN, ManualClock

SERVER_PEM: Final = Path(__file__).with_name("test_server.pem")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param({"base_url": "ftp://host"}, "base_url", id="scheme"),
        pytest.param({"base_url": "host.example"}, "base_url", id="no scheme"),
        pytest.param({"base_url": "http://[::"}, "base_url", id="no address"),
        pytest.param({"base_url": "https://user:pass@host"}, "base_url", id="user"),
        pytest.param({"base_url": "https://host?x=1"}, "base_url", id="query"),
        pytest.param({"request_timeout": 0}, "request_timeout", id="no time"),
        pytest.param({"connect_timeout": -1}, "connect_timeout", id="negative time"),
        pytest.param({"request_timeout": float("nan")}, "request_timeout", id="not a number"),
        pytest.param({"rate_limit": 0}, "rate_limit", id="no rate"),
        pytest.param({"max_connections": 1}, "max_connections", id="no place for LIST"),
    ],
)
def test_nonsense_is_refused(given: dict[str, Any], names: str) -> None:
    """A wrong setting fails before the first request, by its name, without repeating a password."""
    with pytest.raises(ValueError, match=names) as raised:
        CloudSettings(**given)
    assert "pass@" not in str(raised.value)


def test_tls_verifies() -> None:
    """Certificates and host names are checked, and there is no setting against it."""
    context = tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert not [name for name in vars(CloudSettings()) if "verify" in name or "insecure" in name]


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "not a certificate"])
def test_an_unusable_ca_bundle(tmp_path: Path, content: str | None) -> None:
    """A bundle that cannot be used is named."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ValueError, match=r"CA bundle .*ca\.pem"):
        tls_context(bundle)


async def _answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"data": []}')
    await writer.drain()
    writer.close()


async def test_an_unknown_certificate_is_refused_until_its_authority_is_given() -> None:
    """A server that the public authorities do not vouch for gets no token; the CA bundle setting admits it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SERVER_PEM)
    async with await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        strange, known = (
            HttpCloud(
                CloudSettings(base_url=url, trust_env=False, ca_bundle=bundle),
                token=lambda: SecretStr(TOKEN),
                clock=ManualClock(),
            )
            for bundle in (None, SERVER_PEM)
        )
        async with strange, known:
            with pytest.raises(CloudUnavailable, match="TOKENFACTORY_CA_FILE"):
                await strange.list_endpoints()
            assert (await known.list_endpoints()).complete
