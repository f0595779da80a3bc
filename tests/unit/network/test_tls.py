"""Whom TLS trusts: always checked, and of a CA's form no more is asked than kubectl asks."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings, tls_context
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.network import tls
from tokenfactory_operator.process.leadership import SystemClock

HERE: Final = Path(__file__).parent
LAX_CA: Final = HERE / "lax_ca.pem"
"""Its basicConstraints are not critical, and what it signed has no authority key identifier."""
LAX_SERVER: Final = HERE / "lax_server.pem"
STRANGER: Final = HERE.parent / "cloud" / "test_server.pem"


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def greeted(client: ssl.SSLContext, certificate: Path = LAX_SERVER) -> str:
    """What comes of a handshake with a server of this certificate; empty if it is good."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    async with await asyncio.start_server(_close, "127.0.0.1", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        except ssl.SSLError as error:
            return str(error)
        writer.close()
        return ""


async def test_a_lax_authority_is_accepted_as_by_kubectl() -> None:
    """Python 3.13 sets the strict flag by itself; here it is set first, so that every version shows it."""
    context = ssl.create_default_context(cafile=LAX_CA)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert "Missing Authority Key Identifier" in await greeted(context)
    assert await greeted(tls.as_kubectl(context)) == ""


async def test_a_stranger_is_refused_all_the_same() -> None:
    """Another authority's certificate, and one's own name."""
    context = tls.as_kubectl(ssl.create_default_context(cafile=LAX_CA))
    assert "self-signed certificate" in await greeted(context, STRANGER)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_every_client_asks_the_same() -> None:
    """The API server's, kopf's and the cloud's."""
    connection = Connection(server="https://127.0.0.1:1", ca_path=str(LAX_CA))

    async def load() -> Connection:
        return connection

    async with KubeClient(connection, load) as client:
        contexts = (
            client._tls,
            tls_context(LAX_CA),
        )
        for context in contexts:
            assert not context.verify_flags & ssl.VERIFY_X509_STRICT
            assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
            assert await greeted(context) == ""


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_is_trusted_as_the_cloud_is(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """By the authorities of the settings, where it is an https one."""
    heard = asyncio.get_running_loop().create_future()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.readline())
        writer.close()

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(LAX_SERVER)
    encrypted = server if scheme == "https" else None
    async with await asyncio.start_server(proxy, "127.0.0.1", 0, ssl=encrypted) as listening:
        port = listening.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
        monkeypatch.delenv(tls.BUNDLE)
        settings = CloudSettings(base_url="https://cloud.invalid", ca_bundle=LAX_CA)
        async with HttpCloud(settings, token=lambda: SecretStr("a-token-of-some-length"), clock=SystemClock()) as cloud:
            with pytest.raises(CloudUnavailable):
                await cloud.list_endpoints()
    assert await asyncio.wait_for(heard, 30) == b"CONNECT cloud.invalid:443 HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("nothing", "no PEM certificate")], ids=["missing", "empty"]
)
def test_a_bundle_of_the_environment_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, words: str
) -> None:
    """One sentence with the variable, the file and what is wrong with it."""
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(tls.BUNDLE, str(path))
    with pytest.raises(ValueError, match=rf"SSL_CERT_FILE names .*bundle\.pem.*{words}.*unset"):
        tls_context()


def test_a_bundle_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none at all."""
    assert tls.problem({}) == tls.problem({tls.BUNDLE: ""}) == tls.problem({tls.BUNDLE: str(LAX_CA)}) == ""
    monkeypatch.setenv(tls.BUNDLE, str(LAX_CA))
    assert tls_context().cert_store_stats()["x509_ca"] == 1
