"""The wiring that no test of a part sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from controlplane.ports import free_ports
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CredentialsError, Unauthorized
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.process.opener import CloudOpener
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.telemetry.metrics import Metrics
from unit.kube.loopback import Loopback, loopback, status_answer


async def test_a_secrets_cloud_opens_without_the_operators_own_token() -> None:
    """That one cannot be read at the moment, which is no fault of an object with a Secret."""

    def own() -> Credential:
        raise CredentialsError("the file is empty")

    metrics = Metrics(version="1")
    opener = CloudOpener(Settings(token=SecretStr("canary-1")), metrics, SystemClock(), Defects(metrics), own=own)
    cloud = opener(Credential(SecretStr("of-a-secret"), None))
    await cloud.aclose()


@pytest.mark.parametrize("in_a_file", [False, True], ids=["variable", "file"])
async def test_a_refused_token_is_sought_where_it_was_given(in_a_file: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """The message names the setting that holds the token, and not the one that does not."""
    (tmp_path / "token").write_text("canary-1")
    token, named = SecretStr("canary-1"), "TOKENFACTORY_TOKEN_FILE" if in_a_file else "TOKENFACTORY_TOKEN"
    own, metrics = Credential(token, None), Metrics(version="1")
    async with loopback(lambda _: status_answer(401, "Unauthorized")) as server:
        given = {"token_file": tmp_path / "token"} if in_a_file else {"token": token}
        settings = Settings(**given, api_url=server.url)
        async with CloudOpener(settings, metrics, SystemClock(), Defects(metrics), own=lambda: own)(own) as cloud:
            with pytest.raises(Unauthorized) as refused:
                await cloud.list_endpoints()
    assert f"Check the token in {named}." in refused.value.message


def test_a_proxy_whose_host_is_none_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is opened: it would fail at each call."""
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.300:3128")
    metrics = Metrics(version="1")

    def own() -> Credential:
        return Credential(SecretStr("canary-1"), None)

    with pytest.raises(StartupError, match="HTTPS_PROXY"):
        CloudOpener(Settings(token=SecretStr("canary-1")), metrics, SystemClock(), Defects(metrics), own=own)


def test_sigterm_ends_a_process_that_waits_for_the_api_server(tmp_path: Path) -> None:
    """With a handler of its own: without one the first process of a container would go on, and lead in the end."""
    (unused,) = free_ports(1)
    kubeconfig = Loopback(f"https://127.0.0.1:{unused}").kubeconfig(tmp_path)
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "TOKENFACTORY_TOKEN": "a-token-of-some-length",
        "TOKENFACTORY_HEALTH_ADDRESS": "0",
        "TOKENFACTORY_METRICS_ADDRESS": "0",
    }
    command = [sys.executable, "-m", "tokenfactory_operator", "run"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any("asked again" in line for line in process.stderr)
            process.terminate()
            assert process.wait(60) == 0
            assert "stopped before it had started" in process.stderr.read()
        finally:
            process.kill()


def test_sigterm_ends_a_process_that_is_being_loaded(tmp_path: Path) -> None:
    """That takes seconds where processors are busy. Killed in the end, the process might have begun a call."""
    slow = tmp_path / "kopf.py"
    slow.write_text("import sys, time; print('loading', file=sys.stderr, flush=True); time.sleep(60)\n")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "TOKENFACTORY_TOKEN": "a-token-of-some-length",
    }
    command = [sys.executable, "-m", "tokenfactory_operator", "run"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "loading" in process.stderr.readline()
            process.terminate()
            assert process.wait(30) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()
