"""The API server's CA is renewed while the operator runs: it says that it is blind, and ends once the new one is there.

A TLS front with a certificate of its own stands between the operator and the real API server.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.worlds import Chart, made
from controlplane import Cluster

pytestmark = pytest.mark.cluster

UNIT: Final = Path(__file__).parents[1] / "unit"
OLD: Final = (UNIT / "network" / "lax_server.pem", UNIT / "network" / "lax_ca.pem")
"""Certificate and authority; the authority is one that kubectl accepts and Python's strict checks do not."""
NEW: Final = (UNIT / "cloud" / "test_server.pem",) * 2


class Front:
    """Ends TLS with one certificate or another, and goes on to the API server by its own."""

    def __init__(self, cluster: Cluster, authority: str) -> None:
        self._to = urlsplit(cluster.server)
        self._onwards = ssl.create_default_context(cafile=authority)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0

    def show(self, certificate: Path) -> None:
        """New connections are greeted with this certificate; those that are open break."""
        asyncio.run_coroutine_threadsafe(self._show(certificate), self._loop).result(20)

    def end(self) -> None:
        """No connection is left."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _finish(self) -> None:
        await self._break()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _break(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.close()

    async def _show(self, certificate: Path) -> None:
        await self._break()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onwards = await asyncio.open_connection(self._to.hostname, self._to.port, ssl=self._onwards)
        self._writers |= {writer, onwards[1]}
        await asyncio.gather(self._copy(reader, onwards[1]), self._copy(onwards[0], writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)


@contextmanager
def fronted(cluster: Cluster, chart: Chart, folder: Path) -> Iterator[tuple[Front, Chart, Path]]:
    """The front, the chart's account behind it, and the file of authorities that its kubeconfig names."""
    config = json.loads(chart.kubeconfig.read_text(encoding="utf-8"))
    entry = config["clusters"][0]["cluster"]
    front = Front(cluster, entry["certificate-authority"])
    front.show(OLD[0])
    trusted = folder / "ca.crt"
    shutil.copy(OLD[1], trusted)
    entry |= {"server": f"https://127.0.0.1:{front.port}", "certificate-authority": str(trusted)}
    (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    try:
        yield front, replace(chart, kubeconfig=folder / "kubeconfig"), trusted
    finally:
        front.end()


def test_the_clusters_ca_is_rotated(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path: Path) -> None:
    """Until the new CA is there the probe is red and says why; then the process ends, and the next one serves."""
    with (
        fronted(cluster, chart, tmp_path) as (front, behind, trusted),
        made(cluster, kube, behind, tmp_path, label="rotated", settings={}, start=True, cloud={}) as world,
    ):
        before = world.created("before").endpoint_id
        front.show(NEW[0])

        def red() -> bool:
            assert not world.operator.probe("readyz")
            return "certificate is not trusted" in world.operator.served("/readyz")

        eventually(red, what="a red probe that names the certificate")
        assert world.operator.running
        shutil.copy(NEW[1], trusted)
        assert world.operator.wait() == 2
        assert "its CA or the operator's client certificate was renewed: the operator ends" in world.operator.log_text()
        world.operator.start()
        assert world.created("after").endpoint_id
        assert world.until_ready("before").endpoint_id == before
