"""A base image where no registry can be reached: Debian's packages and nothing else. For tests, never for a release.

It is debootstrapped once and kept in the cache as a tar. It trusts the authorities that this machine trusts, and so
does pip in it: a machine behind a proxy has a certificate of its own.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from controlplane import cache
from controlplane.progress import Reporter
from node import machine
from node.engine import Engine

SUITE = "bookworm"
NAME = f"tokenfactory-test-base:{SUITE}"
PACKAGES = "python3,python3-venv,ca-certificates"
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"


def ensure(engine: Engine) -> str:
    """Have the base in the engine; answers its name.

    Raises:
        MissingError: debootstrap is not installed, or this is not root.
        NodeError: it failed, for example since no Debian mirror can be reached.
    """
    if not engine.has(NAME):
        change = f"ENV PIP_CERT=/{_AUTHORITIES}"
        engine.docker("import", "--change", change, str(_tar()), NAME)
    return NAME


def _tar() -> Path:
    target = cache.root().parent / "bases" / f"{SUITE}-1"
    reporter = Reporter(sys.stderr)
    with cache.locked(target, reporter):
        if not target.is_dir():
            machine.check(("debootstrap", "tar"), what="A base image without a registry")
            reporter.say("Making a base image of Debian packages, since no registry has answered (about 75 s, once).")
            with cache.staging(target) as staging:
                _bootstrap(staging)
                cache.publish(staging / "built", target)
    return target / "base.tar"


def _bootstrap(staging: Path) -> None:
    root, built = staging / "root", staging / "built"
    built.mkdir()
    machine.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)], timeout=900)
    shutil.copy2(f"/{_AUTHORITIES}", root / _AUTHORITIES)
    for waste in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / waste)
        (root / waste).mkdir()
    machine.run(["tar", "-C", str(root), "-cf", str(built / "base.tar"), "."])
