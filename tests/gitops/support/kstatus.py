"""The real kstatus library, as the program of hack/kstatus."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from controlplane import cache
from controlplane import release as releases
from controlplane.progress import Reporter
from controlplane.release import BUILD_ENVIRONMENT
from controlplane.toolchain import find_go

SOURCE: Final = Path(__file__).parents[3] / "hack" / "kstatus"


@functools.cache
def program() -> Path:
    """The built program, from the cache or made now (under a minute, once)."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    target = cache.root().parent / "kstatus" / digest.hexdigest()[:16]
    reporter = Reporter(sys.stderr)
    with cache.locked(target, reporter):
        if not target.is_file():
            go = find_go(releases.load(releases.DEFAULT_VERSION).go, reporter)
            part = target.with_suffix(".part")
            build = [str(go), "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o", str(part), "."]
            subprocess.run(build, cwd=SOURCE, env={**os.environ, **BUILD_ENVIRONMENT}, check=True)
            part.rename(target)
    return target


def verdicts(bodies: Iterable[Mapping[str, Any]]) -> list[str]:
    """What kstatus concludes of each object."""
    lines = "".join(json.dumps(body) + "\n" for body in bodies)
    answer = subprocess.run([str(program())], input=lines, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line)["status"] for line in answer.stdout.splitlines()]
