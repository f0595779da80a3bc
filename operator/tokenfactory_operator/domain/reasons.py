"""Condition types and reasons: the vocabulary that users wait on, alert on and look up.

Kept apart from `conditions`, which decides between them, so that errors can name a reason too.
"""

from __future__ import annotations

import enum
from typing import Final, Self


class ConditionType(enum.StrEnum):
    """Types of `status.conditions`; polarity as in the Kubernetes API conventions."""

    READY = "Ready"
    SYNCED = "Synced"
    SERVING = "Serving"
    RECONCILING = "Reconciling"
    """Present, and True, only while work is under way (kstatus)."""
    STALLED = "Stalled"
    """Present, and True, only when a human must act (kstatus)."""


class Actor(enum.StrEnum):
    """Who must act next for an object with this reason to become Ready."""

    NOBODY = "nobody"
    OPERATOR = "the operator"
    CLOUD = "the cloud"
    PERSON = "a person"


class KStatus(enum.StrEnum):
    """What tools that wait by kstatus (Helm, Flux) conclude, and Argo CD with them."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"


class Reason(enum.StrEnum):
    """Every reason that a condition of ours can carry, with who must act next."""

    acts: Actor

    def __new__(cls, word: str, acts: Actor = Actor.PERSON) -> Self:
        """Each member names its actor; the default is there for the look-up of one by its word alone."""
        reason = str.__new__(cls, word)
        reason._value_, reason.acts = word, acts
        return reason

    # Nothing to wait for.
    AVAILABLE = "Available", Actor.NOBODY
    STOPPED = "Stopped", Actor.NOBODY
    READY = "Ready", Actor.NOBODY
    RECONCILE_SUCCESS = "ReconcileSuccess", Actor.NOBODY
    # It goes on by itself, however long that takes.
    CREATING = "Creating", Actor.CLOUD
    STARTING = "Starting", Actor.CLOUD
    UPDATING = "Updating", Actor.CLOUD
    PARTIALLY_READY = "PartiallyReady", Actor.CLOUD
    NOT_READY = "NotReady", Actor.CLOUD
    NOT_SERVING = "NotServing", Actor.CLOUD
    STOPPING = "Stopping", Actor.CLOUD
    DEPLOYMENT_ERROR = "DeploymentError", Actor.CLOUD
    DELETING = "Deleting", Actor.CLOUD
    QUOTA_EXCEEDED = "QuotaExceeded", Actor.CLOUD
    RATE_LIMITED = "RateLimited", Actor.CLOUD
    CLOUD_UNAVAILABLE = "CloudUnavailable", Actor.CLOUD
    OPERATOR_DEFECT = "OperatorDefect", Actor.OPERATOR
    # It goes on by itself, until the check that decides asks a person (`Verdict.asks`): then it is Failed.
    INVENTORY_UNTRUSTED = "InventoryUntrusted", Actor.OPERATOR
    CREATE_OUTCOME_UNKNOWN = "CreateOutcomeUnknown", Actor.OPERATOR
    ENDPOINT_LOST = "EndpointLost", Actor.OPERATOR
    # Asked for, and no failure: whoever paused it knows. Current where `Ready` is True.
    RECONCILE_PAUSED = "ReconcilePaused", Actor.PERSON
    # Only a person can end it, though the operator goes on looking and heals by itself once it is put right.
    STOPPED_IN_CONSOLE = "StoppedInConsole", Actor.PERSON
    INVALID_SPEC = "InvalidSpec", Actor.PERSON
    REFUSED_BY_CLOUD = "RefusedByCloud", Actor.PERSON
    CATALOG_MISMATCH = "CatalogMismatch", Actor.PERSON
    NOT_ACCEPTED = "NotAccepted", Actor.PERSON
    CREDENTIALS_MISSING = "CredentialsMissing", Actor.PERSON
    CREDENTIALS_MISMATCH = "CredentialsMismatch", Actor.PERSON
    TOO_MANY_CREDENTIALS = "TooManyCredentials", Actor.PERSON
    UNAUTHORIZED = "Unauthorized", Actor.PERSON
    FORBIDDEN = "Forbidden", Actor.PERSON
    OWNERSHIP_CONFLICT = "OwnershipConflict", Actor.PERSON
    ENDPOINT_NOT_FOUND = "EndpointNotFound", Actor.PERSON
    OBSERVING = "Observing", Actor.PERSON

    @property
    def kstatus(self) -> KStatus:
        """What tools that wait conclude: where only a person helps they end, and would otherwise wait for ever."""
        if self is Reason.RECONCILE_PAUSED:
            return KStatus.IN_PROGRESS
        return {Actor.NOBODY: KStatus.CURRENT, Actor.PERSON: KStatus.FAILED}.get(self.acts, KStatus.IN_PROGRESS)


DOUBTS: Final = frozenset(
    {Reason.INVENTORY_UNTRUSTED, Reason.CREATE_OUTCOME_UNKNOWN, Reason.CREDENTIALS_MISMATCH, Reason.ENDPOINT_LOST}
)
"""Reasons that a person may answer with the request annotation."""
