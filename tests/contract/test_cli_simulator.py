"""`simulator` of the command line: a cloud that the printed variables lead to, until Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import httpx

from cluster.support.eventually import eventually
from controlplane.ports import free_ports


def answered(url: str, token: str) -> int:
    """The status of a LIST, as soon as there is one."""

    def ask() -> int | None:
        try:
            headers = {"authorization": f"Bearer {token}"}
            return httpx.get(f"{url}/v0/dedicated_endpoints", headers=headers, trust_env=False).status_code
        except httpx.TransportError:
            return None

    return eventually(ask, what="an answer of the simulator")


def test_it_serves_until_it_is_ended() -> None:
    """The first line is for a shell; the token of it works, and Ctrl-C is no failure."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tokenfactory_operator", "simulator", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            reported = re.fullmatch(r"export TOKENFACTORY_API_URL=(\S+) TOKENFACTORY_TOKEN=(\S+)\n", line)
            assert reported is not None, line
            assert answered(reported[1], reported[2]) == 200
            assert answered(reported[1], "another") == 401
        finally:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0
