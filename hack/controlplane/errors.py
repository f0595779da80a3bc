"""Why a control plane could not be had, in sentences for people.

Every failure that a person can meet is one of these; its text says what happened and what to do about it. Bugs stay
ordinary exceptions.

    ControlPlaneError
    ├── UnknownReleaseError   no such folder beside this file
    ├── AcquireError          the programs are neither there nor buildable
    ├── StartError            a program ended or did not become ready
    │   └── PortTakenError    another process took a chosen port first; worth another try
    └── CommandError          kubectl or helm ended with a status other than 0
"""

from __future__ import annotations

from subprocess import CompletedProcess


class ControlPlaneError(Exception):
    """The base of all of this package's errors."""


class UnknownReleaseError(ControlPlaneError):
    """The release asked for has no folder with a go.mod."""


class AcquireError(ControlPlaneError):
    """The programs could not be found, and not be built either."""


class StartError(ControlPlaneError):
    """A program ended early or was not ready in time; the text carries the end of its log."""


class PortTakenError(StartError):
    """Another process took the port between the choice and the start."""


class CommandError(ControlPlaneError):
    """A command of `Cluster.kubectl` or `Cluster.helm` failed; `result` has its whole output."""

    def __init__(self, name: str, result: CompletedProcess[str]) -> None:
        """Name the command and show what it said."""
        arguments = " ".join(str(argument) for argument in result.args[1:])
        super().__init__(
            f"{name} {arguments} ended with {result.returncode}:\n{result.stderr or result.stdout}".rstrip()
        )
        self.result = result
