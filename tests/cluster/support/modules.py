"""Files of other projects, out of their Go modules at the versions that a go.mod of ours names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from cluster.support.chart import ROOT
from controlplane.progress import Reporter
from controlplane.release import ARGOCD_FOLDER, BUILD_ENVIRONMENT, FLUX_FOLDER
from controlplane.toolchain import find_go

CRDS: Final = ROOT / "hack" / "tools" / "crds"
"""The go.mod of projects of which tests need the CRDs only."""
FLUX: Final = FLUX_FOLDER
ARGOCD: Final = ARGOCD_FOLDER


def module(name: str, *, of: Path) -> Path:
    """The folder of a module; fetched where Go's own cache does not have it."""
    (needed,) = re.findall(r"^go (\S+)$", (of / "go.mod").read_text(encoding="utf-8"), flags=re.MULTILINE)
    answer = subprocess.run(
        [str(find_go(needed, Reporter(sys.stderr))), "mod", "download", "-json", name],
        cwd=of,
        env={**os.environ, **BUILD_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return Path(json.loads(answer.stdout)["Dir"])


def files(name: str, pattern: str, *, of: Path) -> list[Path]:
    """The files of a module that match a pattern: at least one."""
    found = sorted(module(name, of=of).glob(pattern))
    assert found, f"{name} has no {pattern}"
    return found
