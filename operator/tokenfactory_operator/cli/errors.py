"""How a command ends: its exit statuses, and errors as one sentence with a hint.

Nothing that goes wrong in a command shows a traceback. What is a fault of ours goes into a file that the message names.
"""

from __future__ import annotations

import enum
import re
import tempfile
import traceback
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import (
    CloudError,
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeRefused,
    OperatorError,
)
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer, RefusedByServer

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_SERVED: Final = 404
"""Of a path, and not of an object: all other kinds that a command reads are in each cluster."""
_REQUEST: Final = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) \S+: ")
"""With what the messages of `kube` begin: a person has typed a command, and no request."""


class Exit(enum.IntEnum):
    """Exit statuses of every command but `run`."""

    DONE = 0
    """It is done, or there is nothing to do."""
    ERROR = 1
    """The command could not do what was asked; standard error says why."""
    FOUND = 2
    """The command worked, and there is something to look at: a change in a plan, a problem, an object not Ready."""
    LATE = 3
    """What was waited for did not come in time."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells have it."""


class CliError(Exception):
    """A command cannot go on; printed as one sentence, and a second one that says what to type."""

    def __init__(self, message: str, *, hint: str = "", code: Exit = Exit.ERROR) -> None:
        self.message = message
        self.hint = hint
        self.code = code
        super().__init__(message)


class NoCluster(CliError):
    """No cluster is configured here that could be asked."""


def explained(error: OperatorError) -> CliError:
    """The same failure with a hint for whoever sits at the terminal."""
    return CliError(_said(error), hint=_hint(error))


def its_words(error: KubeError) -> str:
    """What the API server says of what was sent to it; of another failure, what a person is told."""
    of_what_was_sent = isinstance(error, (KubeRefused, KubeConflict, KubeNotFound))
    return _REQUEST.sub("", error.message) if of_what_was_sent else _said(error)


def _said(error: OperatorError) -> str:
    """As it is said to a person, who is not the operator and has not its account."""
    if not isinstance(error, KubeError):
        return error.message
    text = _REQUEST.sub("", error.message)
    if isinstance(error, NoAnswer):
        return f"The API server cannot be reached: {text}"
    if isinstance(error, ApiServerError) and error.status in _STATUS_WORDS:
        return _STATUS_WORDS[error.status]
    if isinstance(error, ApiServerError) and error.status == _FORBIDDEN:
        return f"Your Kubernetes account may not do that: {text.partition(': ')[2] or text}"
    if isinstance(error, (ApiServerError, KubeConflict, KubeNotFound)):
        return f"The API server answers: {text}"
    return text


def _hint(error: OperatorError) -> str:
    if isinstance(error, CloudError):
        return _CLOUD_HINTS.get(error.reason, LOOK)
    if isinstance(error, ApiServerError) and error.status in _STATUS_HINTS:
        return _STATUS_HINTS[error.status]
    return next((hint for kind, hint in _KUBE_HINTS if isinstance(error, kind)), "")


LOOK: Final = "`kubectl tokenfactory doctor` looks at all that is needed."
_STATUS_WORDS: Final = {
    _UNAUTHORIZED: "The API server does not accept your Kubernetes credentials.",
    _NOT_SERVED: f"This cluster has no {api.KIND} ({api.API_VERSION} is not served).",
}
_STATUS_HINTS: Final = {
    _UNAUTHORIZED: "Log in to the cluster again: `kubectl auth whoami` has to work.",
    _NOT_SERVED: f"`kubectl tokenfactory crd apply` installs the CRD. {LOOK}",
    _FORBIDDEN: "Ask for that right, or choose another user with --context.",
}
_KUBE_HINTS: Final = (
    (NoAnswer, "Check that `kubectl version` works with the same context."),
    (RefusedByServer, "Correct what the message names."),
    ((KubeNotFound, KubeConflict), "`kubectl get dedicatedendpoints --all-namespaces` lists what there is."),
    (KubeError, LOOK),
)
"""The first kind that fits counts."""
_CLOUD_HINTS: Final = {
    Reason.UNAUTHORIZED: "Check the token: TOKENFACTORY_TOKEN or TOKENFACTORY_TOKEN_FILE, else the operator's Secret.",
    Reason.FORBIDDEN: "Check TOKENFACTORY_PROJECT_ID, and what the token may do there.",
    Reason.CLOUD_UNAVAILABLE: "Check TOKENFACTORY_API_URL, and the way there from this machine (HTTPS_PROXY).",
    Reason.RATE_LIMITED: "Try again in a minute.",
}


def defect(error: BaseException) -> CliError:
    """A fault of ours, with its traceback in a file."""
    with tempfile.NamedTemporaryFile("w", prefix="tokenfactory-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    return CliError(
        f"This is a defect of the command itself ({type(error).__name__}).",
        hint=f"Please report it with the file {file.name}; read it first, and remove what is secret.",
    )
