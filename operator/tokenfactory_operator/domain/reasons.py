"""Condition types and reasons: the vocabulary that users wait on, alert on and look up.

Kept apart from `conditions`, which decides between them, so that errors can name a reason too.
"""

from __future__ import annotations

import enum
from typing import Final


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
    STOPPING = "Stopping"
    DEPLOYMENT_ERROR = "DeploymentError"
    DELETING = "Deleting"
    # Serving
    READY = "Ready"
    NOT_SERVING = "NotServing"
    # Synced
    RECONCILE_SUCCESS = "ReconcileSuccess"
    INVALID_SPEC = "InvalidSpec"
    NOT_ACCEPTED = "NotAccepted"
    QUOTA_EXCEEDED = "QuotaExceeded"
    CREDENTIALS_MISSING = "CredentialsMissing"
    CREDENTIALS_MISMATCH = "CredentialsMismatch"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    RATE_LIMITED = "RateLimited"
    CLOUD_UNAVAILABLE = "CloudUnavailable"
    INVENTORY_UNTRUSTED = "InventoryUntrusted"
    CREATE_OUTCOME_UNKNOWN = "CreateOutcomeUnknown"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    ENDPOINT_LOST = "EndpointLost"
    RECONCILE_PAUSED = "ReconcilePaused"
    OBSERVING = "Observing"
    OPERATOR_DEFECT = "OperatorDefect"


DOUBTS: Final = frozenset(
    {Reason.INVENTORY_UNTRUSTED, Reason.CREATE_OUTCOME_UNKNOWN, Reason.CREDENTIALS_MISMATCH, Reason.ENDPOINT_LOST}
)
"""Reasons that a person may answer with the request annotation."""
