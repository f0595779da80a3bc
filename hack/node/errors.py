"""Why an image or a node could not be had, in sentences for people.

ControlPlaneError
└── NodeError         a program failed; the text has the end of what it said
    └── MissingError  this machine cannot do it at all: no root, no engine
"""

from __future__ import annotations

from controlplane.errors import ControlPlaneError

CANNOT = 77
"""Exit status for "not possible on this machine", as automake has it for a test that is skipped."""


class NodeError(ControlPlaneError):
    """An image was not built, or a node not started."""


class MissingError(NodeError):
    """Something that only the machine's owner can provide is missing."""
