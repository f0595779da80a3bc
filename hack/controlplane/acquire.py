"""Have the programs of a release: the first source that has them all wins.

1. `$KUBEBUILDER_ASSETS`, the field's convention for a folder with `etcd`, `kube-apiserver` and `kubectl`; here it must
   have `kube-controller-manager`, `helm` and `kubeconform` too, of the release asked for;
2. the cache;
3. a build from Go modules into the cache.

For Flux and Argo CD the first does not count: no convention names a folder for them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from controlplane import cache
from controlplane import release as releases
from controlplane.build import Builder, announce
from controlplane.progress import Reporter
from controlplane.release import Release
from controlplane.toolchain import find_go

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"


def acquire(release: Release, *, stream: TextIO | None = None) -> Path:
    """A folder with every program that the release wants; quick when it is there, else built, with progress on stream.

    Args:
        release: what to have.
        stream: for messages to people; standard error by default.

    Raises:
        AcquireError: with what to do about it.
    """
    reporter = Reporter(stream or sys.stderr)
    if release.kubernetes and (assets := os.environ.get(ASSETS_VARIABLE)):
        folder = Path(assets)
        if not (objection := assets_objection(folder, release)):
            return folder
        reporter.say(f"Not using {ASSETS_VARIABLE}={assets}: {objection}.")
    target = cache.root() / release.key
    if target.is_dir():
        return target
    # Before the lock: two releases that lend to each other could not be waited for while holding one.
    lender = acquire(releases.load(releases.DEFAULT_VERSION), stream=stream) if release.borrowed else None
    with cache.locked(target, reporter):
        if not target.is_dir():
            _build(release, target=target, lender=lender, reporter=reporter)
    return target


def assets_objection(folder: Path, release: Release) -> str:
    """Why a folder of programs does not serve; empty if it does."""
    missing = [name for name in release.wanted if not os.access(folder / name, os.X_OK)]
    if missing:
        return f"it has no {', '.join(missing)}"
    server = next(name for name in release.wanted if name.startswith("kube"))
    answer = subprocess.run([folder / server, "--version"], capture_output=True, text=True, check=False)
    if not answer.stdout.startswith(f"Kubernetes {release.name}."):
        return f"its {server} is {answer.stdout.strip() or 'not runnable'}, and {release.name} is asked for"
    return ""


def _build(release: Release, *, target: Path, lender: Path | None, reporter: Reporter) -> None:
    go = find_go(release.go, reporter)
    announce(release, go=go, target=target, reporter=reporter)
    with cache.staging(target) as staging:
        built = Builder(go=go, release=release, staging=staging, reporter=reporter).build()
        if lender:
            for name in release.borrowed:
                shutil.copy2(lender / name, built / name)
        cache.publish(built, target)
    reporter.say(f"Built in {reporter.elapsed}.")
