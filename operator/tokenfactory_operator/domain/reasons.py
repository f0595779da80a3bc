"""Condition types and reasons: the vocabulary that users wait on, alert on and look up.

Kept apart from `conditions`, which decides between them, so that errors can name a reason too.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple


class ConditionType(enum.StrEnum):
    """Types of `status.conditions`; polarity as in the Kubernetes API conventions."""

    READY = "Ready"
    SYNCED = "Synced"
    SERVING = "Serving"
    RECONCILING = "Reconciling"
    """Present, and True, only while work is under way (kstatus)."""
    STALLED = "Stalled"
    """Present, and True, only when a human must act (kstatus)."""


class Reason(enum.StrEnum):
    """Every reason that a condition of ours can carry."""

    # Ready is True
    AVAILABLE = "Available"
    STOPPED = "Stopped"
    # Ready is False, because of what the cloud is doing
    CREATING = "Creating"
    STARTING = "Starting"
    UPDATING = "Updating"
    PARTIALLY_READY = "PartiallyReady"
    NOT_READY = "NotReady"
    STOPPED_IN_CONSOLE = "StoppedInConsole"
    STOPPING = "Stopping"
    DEPLOYMENT_ERROR = "DeploymentError"
    DELETING = "Deleting"
    # Serving
    READY = "Ready"
    NOT_SERVING = "NotServing"
    # Synced
    RECONCILE_SUCCESS = "ReconcileSuccess"
    INVALID_SPEC = "InvalidSpec"
    REFUSED_BY_CLOUD = "RefusedByCloud"
    CATALOG_MISMATCH = "CatalogMismatch"
    NOT_ACCEPTED = "NotAccepted"
    QUOTA_EXCEEDED = "QuotaExceeded"
    CREDENTIALS_MISSING = "CredentialsMissing"
    CREDENTIALS_MISMATCH = "CredentialsMismatch"
    TOO_MANY_CREDENTIALS = "TooManyCredentials"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    RATE_LIMITED = "RateLimited"
    CLOUD_UNAVAILABLE = "CloudUnavailable"
    INVENTORY_UNTRUSTED = "InventoryUntrusted"
    CREATE_OUTCOME_UNKNOWN = "CreateOutcomeUnknown"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    ENDPOINT_LOST = "EndpointLost"
    ENDPOINT_NOT_FOUND = "EndpointNotFound"
    RECONCILE_PAUSED = "ReconcilePaused"
    OBSERVING = "Observing"
    OPERATOR_DEFECT = "OperatorDefect"


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


class Rule(NamedTuple):
    """One row of the rule."""

    acts: Actor
    kstatus: KStatus


RULES: Final[Mapping[Reason, Rule]] = {
    # Nothing to wait for.
    Reason.AVAILABLE: Rule(Actor.NOBODY, KStatus.CURRENT),
    Reason.STOPPED: Rule(Actor.NOBODY, KStatus.CURRENT),
    Reason.READY: Rule(Actor.NOBODY, KStatus.CURRENT),
    Reason.RECONCILE_SUCCESS: Rule(Actor.NOBODY, KStatus.CURRENT),
    # It goes on by itself, however long that takes.
    Reason.CREATING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.STARTING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.UPDATING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.PARTIALLY_READY: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.NOT_READY: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.NOT_SERVING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.STOPPING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.DEPLOYMENT_ERROR: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.DELETING: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.QUOTA_EXCEEDED: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.RATE_LIMITED: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.CLOUD_UNAVAILABLE: Rule(Actor.CLOUD, KStatus.IN_PROGRESS),
    Reason.OPERATOR_DEFECT: Rule(Actor.OPERATOR, KStatus.IN_PROGRESS),
    # It goes on by itself, until the check that decides asks a person (`Verdict.asks`): then it is Failed.
    Reason.INVENTORY_UNTRUSTED: Rule(Actor.OPERATOR, KStatus.IN_PROGRESS),
    Reason.CREATE_OUTCOME_UNKNOWN: Rule(Actor.OPERATOR, KStatus.IN_PROGRESS),
    Reason.ENDPOINT_LOST: Rule(Actor.OPERATOR, KStatus.IN_PROGRESS),
    # Asked for, and no failure: whoever paused it knows. Current where `Ready` is True.
    Reason.RECONCILE_PAUSED: Rule(Actor.PERSON, KStatus.IN_PROGRESS),
    # Only a person can end it, though the operator goes on looking and heals by itself once it is put right.
    Reason.STOPPED_IN_CONSOLE: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.INVALID_SPEC: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.REFUSED_BY_CLOUD: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.CATALOG_MISMATCH: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.NOT_ACCEPTED: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.CREDENTIALS_MISSING: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.CREDENTIALS_MISMATCH: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.TOO_MANY_CREDENTIALS: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.UNAUTHORIZED: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.FORBIDDEN: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.OWNERSHIP_CONFLICT: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.ENDPOINT_NOT_FOUND: Rule(Actor.PERSON, KStatus.FAILED),
    Reason.OBSERVING: Rule(Actor.PERSON, KStatus.FAILED),
}
"""Who must act, and what follows for tools that wait: `Stalled` is told where the verdict is Failed.

A tool that waits ends then with our message, where it would otherwise wait for ever.
"""

DOUBTS: Final = frozenset(
    {Reason.INVENTORY_UNTRUSTED, Reason.CREATE_OUTCOME_UNKNOWN, Reason.CREDENTIALS_MISMATCH, Reason.ENDPOINT_LOST}
)
"""Reasons that a person may answer with the request annotation."""
