"""Build a release's programs with the go command, visibly, and without leaving anything behind when interrupted.

Modules and compiled packages go to Go's own caches, so that an interrupted build continues where it was.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from controlplane import processes
from controlplane.errors import AcquireError
from controlplane.progress import BuildState, Reporter
from controlplane.release import BUILD_ENVIRONMENT, Release, program_name

GIB = 1024**3
# Measured on a cold build of v1.37 (linux/amd64), rounded up.
NEEDED_MODULES = int(1.7 * GIB)
NEEDED_BUILD_CACHE = int(3.8 * GIB)
NEEDED_PROGRAMS = int(0.5 * GIB)

_POLL = 0.5  # seconds between two looks at the go command's output
# These would build for another machine, or something else than was hashed.
_DROPPED_VARIABLES = ("GOOS", "GOARCH", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOROOT", "GOBIN")

_HINTS = (
    (r"no space left on device", "The disk is full: free some space, or set GOCACHE, GOMODCACHE and XDG_CACHE_HOME."),
    (r"checksum mismatch|SECURITY ERROR", "A module is not the one that go.sum describes: do not work around this."),
    (
        r"dial tcp|no such host|name resolution|i/o timeout|connection re(fused|set)|TLS handshake|x509:|proxyconnect",
        "The Go module proxy cannot be reached: check the network, HTTPS_PROXY and GOPROXY.",
    ),
    (
        r"signal: killed|out of memory|cannot allocate memory",
        "Memory ran out (3 GiB are needed): close other programs, or set GOMAXPROCS=1. What is compiled is kept.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Builder:
    """One build of one release into a folder."""

    go: Path
    release: Release
    staging: Path
    reporter: Reporter

    def build(self) -> Path:
        """Build all programs; answers the folder that has them and nothing else.

        Raises:
            AcquireError: no disk, no network, or a failed build, with what to do.
        """
        check_disk(self._caches())
        output = self.staging / "bin"
        output.mkdir()
        packages = self._run(["list", "-mod=readonly", "-deps", "tool"], BuildState(), output)
        total = packages.packages
        state = replace(packages, total=total, packages=0, tail=())
        self._run(["build", "-v", *self.release.build_flags, "-o", f"{output}{os.sep}", "tool"], state, output)
        for tool in self.release.tools:
            built = output / Path(re.sub(r"/v\d+$", "", tool)).name
            built.rename(output / program_name(tool))
        return output

    def _run(self, arguments: list[str], state: BuildState, output: Path) -> BuildState:
        """Run the go command to its end, folding what it says into the state."""
        log = self.staging / "go.log"
        environment = {name: value for name, value in os.environ.items() if name not in _DROPPED_VARIABLES}
        environment |= {**BUILD_ENVIRONMENT, "GOTMPDIR": str(self.staging)}
        with log.open("wb") as sink:
            process = processes.spawn(
                [str(self.go), *arguments],
                remove=self.staging,
                output=sink,
                environment=environment,
                directory=self.release.directory,
            )
        try:
            state = self._follow(process, log, state, output)
        finally:
            status = processes.finish(process, signal.SIGUSR1)
        if status:
            raise AcquireError(explain("\n".join(state.tail), status))
        return state

    def _follow(self, process: subprocess.Popen[bytes], log: Path, state: BuildState, output: Path) -> BuildState:
        with log.open(encoding="utf-8", errors="replace") as lines:
            ended, rest = False, ""
            while not ended:
                ended = _ended(process)
                *whole, rest = (rest + lines.read()).split("\n")
                for line in whole:
                    state = state.after(line)
                linked = len(list(output.iterdir()))
                self.reporter.update(state.summary(linked=linked, programs=len(self.release.tools)))
            return state.after(rest)

    def _caches(self) -> dict[Path, int]:
        """Where the build writes, and how many bytes a cold one writes there."""
        query = [str(self.go), "env", "GOMODCACHE", "GOCACHE"]
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise AcquireError(f"`{' '.join(query)}` failed:\n{answer.stderr.strip()}\nIs HOME set and writable?")
        modules, packages = (Path(line) for line in answer.stdout.splitlines())
        have_modules = (modules / "k8s.io" / f"kubernetes@{self.release.kubernetes}").is_dir()
        return {
            modules: 0 if have_modules else NEEDED_MODULES,
            packages: max(0, NEEDED_BUILD_CACHE - _size(packages)),
            self.staging: NEEDED_PROGRAMS,
        }


def _size(directory: Path) -> int:
    """The bytes of all files below a folder; 0 if there is none."""
    return sum(
        entry.stat(follow_symlinks=False).st_size
        for folder, _, _ in os.walk(directory)
        for entry in os.scandir(folder)
        if entry.is_file(follow_symlinks=False)
    )


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=_POLL)
    except subprocess.TimeoutExpired:
        return False
    return True


def check_disk(needed: dict[Path, int]) -> None:
    """Refuse a build that cannot end well, before it has filled the disk.

    Raises:
        AcquireError: names the folder, what is free and what is needed.
    """
    demand: dict[int, int] = {}
    for place, amount in needed.items():
        existing = next(path for path in (place, *place.parents) if path.exists())
        device = existing.stat().st_dev
        demand[device] = demand.get(device, 0) + amount
        free = shutil.disk_usage(existing).free
        if free < demand[device]:
            raise AcquireError(
                f"{free / GIB:.1f} GiB are free where {place} is, and the build needs {demand[device] / GIB:.1f} GiB "
                "there. Free some space, or set GOCACHE, GOMODCACHE and XDG_CACHE_HOME to folders on a larger disk."
            )


def explain(output: str, status: int) -> str:
    """An error text of a failed go command: its last lines, and what to do about them."""
    hints = [hint for pattern, hint in _HINTS if re.search(pattern, output, re.IGNORECASE)]
    advice = hints[0] if hints else "Run the same command again: what is compiled already is kept."
    return f"The build of the test control plane failed (go ended with {status}):\n{output}\n{advice}"


def announce(release: Release, *, go: Path, target: Path, reporter: Reporter) -> None:
    """Say before a long build what is built, why, with what, and how long it takes."""
    programs = ", ".join(sorted(release.programs))
    reporter.say(
        f"Building {release.title} from Go modules: {programs}.\n"
        "  Why: the tests and the demo run against real ones, and no built ones were found.\n"
        "  How long: 10 to 15 minutes on 2 cores the first time, then nothing; 6 GiB of disk, 3 GiB of memory.\n"
        f"  With {go}; Go keeps modules and packages in its own caches (`go clean -cache -modcache` empties them).\n"
        f"  Into {target}"
    )
