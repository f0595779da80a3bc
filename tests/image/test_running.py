"""The image at work, confined as in the chart's pod: read-only, without capabilities, as its own user."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cluster.support import crd
from cluster.support.eventually import eventually
from controlplane import Cluster
from controlplane.kubeconfig import Access
from controlplane.ports import free_ports
from image.containers import Image
from tokenfactory_operator.version import operator_version
from tokenfactory_simulator.testing import running_simulator

TOKEN = "canary-91b40d7c"
STARTS = 5
MIB = 1024**2


def test_says_its_version(built: Image) -> None:
    """The installed package is the one of this working tree."""
    answer = built.run("--version")
    assert (answer.status, answer.output.split()) == (0, ["tokenfactory-operator", operator_version()])


def test_explains_every_flag(built: Image) -> None:
    """The help needs no cluster, no file and no home."""
    answer = built.run("run", "--help")
    assert answer.status == 0, answer.errors
    assert "--api-url" in answer.output


def test_runs_without_rights(built: Image) -> None:
    """Its user has a number, no capability and no way to gain any."""
    program = "import os; print(os.getuid(), os.getgid(), open('/proc/self/status').read())"
    answer = built.run("-c", program, options=["--entrypoint=python"])
    assert answer.output.startswith("65532 65532 "), answer
    fields = dict(line.split(":\t", 1) for line in answer.output.splitlines() if ":\t" in line)
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}
    assert fields["NoNewPrivs"] == "1"


def test_refuses_wrong_settings_in_one_sentence(built: Image) -> None:
    """A container that cannot work ends at once, with the status of a usage error and without a traceback."""
    answer = built.run(options=["--env=TOKENFACTORY_API_URL=ftp://cloud"])
    assert answer.status == 2, answer
    assert "TOKENFACTORY_API_URL" in answer.errors
    assert "Traceback" not in answer.errors


@pytest.mark.parametrize("user", [pytest.param("65532:65532", id="own"), pytest.param("1000660000:0", id="any")])
def test_works_and_ends_on_sigterm(
    built: Image, cluster: Cluster, tmp_path: Path, tell: Callable[[str], None], user: str
) -> None:
    """It becomes ready on a real API server without writing a file, as any user, and SIGTERM ends it in order."""
    crd.install(cluster)
    folder = _access(cluster, tmp_path)
    (port,) = free_ports(1)
    with running_simulator(tokens={TOKEN: "project-a"}) as simulator:
        settings = {
            "API_URL": simulator.url,
            "TOKEN": TOKEN,
            "HEALTH_ADDRESS": f"127.0.0.1:{port}",
            "METRICS_ADDRESS": f"127.0.0.1:{port}",
            "LEADER_ELECTION": "false",
        }
        options = [f"--user={user}", f"--env=KUBECONFIG={folder}/kubeconfig", f"--volume={folder}:{folder}:ro"]
        options += [f"--env=TOKENFACTORY_{name}={value}" for name, value in settings.items()]
        begun = time.monotonic()
        with built.started(*options) as pod:

            def ready() -> bool:
                assert pod.inspected()["State"]["Running"], pod.log()
                try:
                    return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
                except httpx.TransportError:
                    return False

            eventually(ready, what="readiness")
            until_ready = time.monotonic() - begun
            begun = time.monotonic()
            status = pod.terminate(grace=30)
            until_ended = time.monotonic() - begun
            log = pod.log()
    assert status == 0, log
    assert "Traceback" not in log, log
    assert TOKEN not in log
    tell(f"image as {user}: ready {until_ready:.1f} s after docker run, ended {until_ended:.1f} s after SIGTERM")


def test_size_and_start(built: Image, tell: Callable[[str], None]) -> None:
    """Tell how large it is and how long the command takes to start; what the operator weighs is judged."""
    seconds = []
    for _ in range(STARTS):
        begun = time.monotonic()
        assert built.run("--version").status == 0
        seconds.append(time.monotonic() - begun)
    whole = built.inspected["Size"] / MIB
    operator = sum(file.size for file in built.files if file.name.startswith("opt/operator")) / MIB
    base = built.inspected["Config"]["Labels"]["org.opencontainers.image.base.name"]
    tell(
        f"image: {whole:.0f} MiB on {base}, of which the operator and its dependencies {operator:.0f} MiB; "
        f"docker run --version: {statistics.median(seconds):.2f} s (median of {STARTS})"
    )
    assert operator < 256, "a dependency has brought more than the operator needs"


def _access(cluster: Cluster, folder: Path) -> Path:
    """A folder that the container's user can read, with a kubeconfig of the admin's."""
    token = cluster.kubectl("config", "view", "--raw", "-o", "jsonpath={.users[0].user.token}").stdout
    ca_file = folder / "ca.crt"
    shutil.copyfile(cluster.ca_file, ca_file)
    access = Access(server=cluster.server, ca_file=ca_file, user="admin", token=token)
    access.write(folder / "kubeconfig").chmod(0o644)
    for path in (folder, ca_file):
        path.chmod(0o755)
    return folder
