import socket
from dataclasses import replace

import httpx
import pytest

from controlplane.ports import free_ports
from tokenfactory_operator.settings import ListenAddress, StartupError
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.metrics import Metrics

ANYWHERE = ListenAddress("127.0.0.1", 0)


def server(*, health: ListenAddress | None = ANYWHERE, metrics: ListenAddress | None = ANYWHERE) -> HealthServer:
    return HealthServer(health_address=health, metrics_address=metrics, exposition=Metrics(version="1.2.3").render)


async def get(port: int | None, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_same_address_serves_everything() -> None:
    """Equal addresses share one server."""
    async with server() as health:
        assert health.health_port == health.metrics_port
        assert [(await get(health.health_port, path)).status_code for path in ("/livez", "/healthz", "/metrics")] == [
            200,
            200,
            200,
        ]


async def test_own_address_serves_its_paths_only() -> None:
    """With two addresses neither serves the other's paths."""
    (port,) = free_ports(1)
    async with server(metrics=replace(ANYWHERE, port=port)) as health:
        assert health.metrics_port == port != health.health_port
        assert (await get(port, "/metrics")).status_code == 200
        assert (await get(port, "/livez")).status_code == 404
        assert (await get(health.health_port, "/metrics")).status_code == 404


async def test_both_off_serves_nothing() -> None:
    """Without addresses nothing listens."""
    async with server(health=None, metrics=None) as health:
        assert (health.health_port, health.metrics_port) == (None, None)


async def test_liveness_lists_each_check() -> None:
    """One problem fails the probe, and the answer tells which check has it."""
    problems: dict[str, str | None] = {"watch": None, "lease": None}
    async with server() as health:
        health.add_liveness("watch", lambda: problems["watch"])
        health.add_liveness("lease", lambda: problems["lease"])
        good = await get(health.health_port, "/livez")
        assert (good.status_code, good.text) == (200, "[+]watch ok\n[+]lease ok\nlivez check passed\n")
        problems["watch"] = "no event came back"
        for path in ("/livez", "/healthz"):
            bad = await get(health.health_port, path)
            assert bad.status_code == 503
            assert bad.text == "[-]watch: no event came back\n[+]lease ok\nlivez check failed\n"


async def test_not_ready_before_there_is_a_check() -> None:
    """Alive at once, ready only when a check says so."""
    async with server() as health:
        assert (await get(health.health_port, "/livez")).status_code == 200
        assert (await get(health.health_port, "/readyz")).status_code == 503
        health.add_readiness("inventory", lambda: None)
        ready = await get(health.health_port, "/readyz")
        assert (ready.status_code, ready.text) == (200, "[+]inventory ok\nreadyz check passed\n")


async def test_failing_check_is_a_problem() -> None:
    """A check that raises counts as failed, and its text, which may hold a secret, is not served."""

    def broken() -> str | None:
        raise ValueError("canary")

    async with server() as health:
        health.add_liveness("broken", broken)
        answer = await get(health.health_port, "/livez")
        assert answer.status_code == 503
        assert "[-]broken: failed with ValueError" in answer.text
        assert "canary" not in answer.text


async def test_metrics_are_served_in_the_form_asked_for() -> None:
    """The content type follows the scraper's Accept header."""
    async with server() as health, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{health.metrics_port}/metrics"
        plain = await client.get(url)
        wanted = "application/openmetrics-text; version=1.0.0"
        modern = await client.get(url, headers={"Accept": wanted})
    assert plain.headers["content-type"].startswith("text/plain")
    assert "tokenfactory_build_info{" in plain.text
    assert modern.headers["content-type"].startswith(wanted)
    assert modern.text.endswith("# EOF\n")


async def test_taken_port_names_the_setting() -> None:
    """A port in use ends the start by the setting's name, and gives back what was already taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
        health = server(metrics=address)
        with pytest.raises(StartupError, match=r"--metrics-address \(TOKENFACTORY_METRICS_ADDRESS\).*is taken"):
            async with health:
                pytest.fail("started on a port that is taken")
        assert health.health_port is None


async def test_unknown_host_names_the_setting() -> None:
    """A host that is not this machine's is refused by name."""
    with pytest.raises(StartupError, match=r"--health-address \(TOKENFACTORY_HEALTH_ADDRESS\): '192.0.2.1:0'"):
        async with server(health=ListenAddress("192.0.2.1", 0)):
            pytest.fail("started on an address of another machine")


async def test_port_is_free_after_the_end() -> None:
    """Once the server has ended, its port can be listened on again."""
    (port,) = free_ports(1)  # which the kernel gives to nobody else
    async with server(health=replace(ANYWHERE, port=port)) as health:
        assert health.health_port == port
    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port
