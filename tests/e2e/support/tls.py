"""TLS in front of the simulated cloud: the operator accepts plain http from loopback only, also here."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 65536


@dataclass(frozen=True)
class Authority:
    """A certificate that signs itself, and so is its own authority."""

    certificate: Path
    key: Path


def certify(address: str, folder: Path) -> Authority:
    """A certificate for an IP address, for some days."""
    return certify_name(f"IP:{address}", folder, called="cloud")


def certify_name(name: str, folder: Path, *, called: str) -> Authority:
    """A certificate for a name in OpenSSL's form, such as `DNS:localhost`; its files are called so."""
    made = Authority(folder / f"{called}.crt", folder / f"{called}.key")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(made.key)]
    subject = ["-subj", f"/CN=simulated {called}", "-addext", f"subjectAltName={name}", "-days", "3"]
    command = ["openssl", "req", "-x509", *key, *subject, "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made


@contextlib.contextmanager
def in_front_of(port: int, *, address: str, authority: Authority) -> Iterator[str]:
    """Pass connections to a port of 127.0.0.1 on; answers the https address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate, authority.key)
    loop = asyncio.new_event_loop()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, behind_writer), _copy(behind_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(pass_on, address, 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, name="tls", daemon=True)
    thread.start()
    try:
        yield f"https://{address}:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side ends, which ends the other."""
    try:
        with contextlib.suppress(OSError):
            while content := await reader.read(_CHUNK):
                writer.write(content)
                await writer.drain()
    finally:
        writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
