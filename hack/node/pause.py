"""The image of the process that holds a pod's namespaces; the published one cannot be had without a registry."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from controlplane import release
from controlplane.progress import Reporter
from controlplane.release import BUILD_ENVIRONMENT
from controlplane.toolchain import find_go
from node import machine
from node.engine import Engine
from node.layout import PAUSE_IMAGE

SOURCE = Path(__file__).resolve().parent / "pause" / "main.go"


def ensure(engine: Engine) -> str:
    """Have it in the engine; answers its name."""
    if not engine.has(PAUSE_IMAGE):
        go = find_go(release.load().go, Reporter(sys.stderr))
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "pause"
            build = [str(go), "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), str(SOURCE)]
            machine.run(build, environment={**os.environ, **BUILD_ENVIRONMENT})
            content = io.BytesIO()
            with tarfile.open(fileobj=content, mode="w") as archive:
                archive.add(program, arcname="pause")
        command = ["docker", "import", "--change", 'ENTRYPOINT ["/pause"]', "-", PAUSE_IMAGE]
        subprocess.run(command, input=content.getvalue(), env=engine.environment(), capture_output=True, check=True)
    return PAUSE_IMAGE
