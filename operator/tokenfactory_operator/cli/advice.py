"""What to type next, for each reason that a condition can have. docs/troubleshooting.md says more about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenfactory_operator.domain.reasons import Actor, Reason
from tokenfactory_operator.ports import Key

EDIT: Final = "kubectl -n {namespace} edit dep {name}"
CONFIRM: Final = "look at the cloud's console first; then: kubectl tokenfactory confirm {name} -n {namespace}"
RECONCILE: Final = "kubectl tokenfactory reconcile {name} -n {namespace}"
WAIT: Final = "wait: kubectl tokenfactory why {name} -n {namespace} --watch"
SECRET: Final = "kubectl -n {namespace} get secrets -l tokenfactory.nebius.com/credentials=true"  # noqa: S105 - a command
ENABLE: Final = """kubectl -n {namespace} patch dep {name} --type=merge -p '{{"spec":{{"enabled":true}}}}'"""
MANAGE: Final = (
    """kubectl -n {namespace} patch dep {name} --type=merge -p '{{"spec":{{"managementPolicy":"Manage"}}}}'"""
)
SUPPORT: Final = "wait; after three hours ask the vendor's support with the endpoint's id"
OPERATOR: Final = "kubectl tokenfactory doctor"

STEPS: Final[Mapping[Reason, str]] = {
    Reason.CREATING: WAIT,
    Reason.STARTING: WAIT,
    Reason.UPDATING: WAIT,
    Reason.STOPPING: WAIT,
    Reason.DELETING: WAIT,
    Reason.PARTIALLY_READY: SUPPORT,
    Reason.NOT_READY: SUPPORT,
    Reason.NOT_SERVING: SUPPORT,
    Reason.DEPLOYMENT_ERROR: SUPPORT,
    Reason.STOPPED_IN_CONSOLE: ENABLE,
    Reason.INVALID_SPEC: EDIT,
    Reason.CATALOG_MISMATCH: EDIT,
    Reason.REFUSED_BY_CLOUD: EDIT,
    Reason.NOT_ACCEPTED: f"take the cloud's value into the spec, or find who changes it; then: {RECONCILE}",
    Reason.QUOTA_EXCEEDED: "raise the quota at the vendor, or choose other GPUs: " + EDIT,
    Reason.CREDENTIALS_MISSING: SECRET,
    Reason.CREDENTIALS_MISMATCH: "restore the earlier token or project. If both are the same project: "
    "kubectl tokenfactory confirm {name} -n {namespace}",
    Reason.TOO_MANY_CREDENTIALS: "let objects share a token and a project, or have the limit raised",
    Reason.UNAUTHORIZED: f"put a valid token where the message says; then: {RECONCILE}",
    Reason.FORBIDDEN: f"give the token the right, or the namespace the setting of the message; then: {RECONCILE}",
    Reason.RATE_LIMITED: WAIT,
    Reason.CLOUD_UNAVAILABLE: OPERATOR,
    Reason.INVENTORY_UNTRUSTED: CONFIRM,
    Reason.CREATE_OUTCOME_UNKNOWN: CONFIRM,
    Reason.OWNERSHIP_CONFLICT: "kubectl tokenfactory list -n {namespace}",
    Reason.ENDPOINT_LOST: WAIT,
    Reason.ENDPOINT_NOT_FOUND: "kubectl tokenfactory list -n {namespace}",
    Reason.RECONCILE_PAUSED: "kubectl tokenfactory resume {name} -n {namespace}",
    Reason.OBSERVING: f"nothing; to have it corrected: {MANAGE}",
    Reason.OPERATOR_DEFECT: "report it, with the operator's log",
}
"""Reasons of which a person may have to do something, or that are waited for. Braces: the object's place."""

ASKED: Final = frozenset({Reason.INVENTORY_UNTRUSTED, Reason.CREATE_OUTCOME_UNKNOWN})
"""Reasons of which a person is asked only once `Stalled` is there: before, it goes on by itself."""


def next_step(reason: str, key: Key, *, stalled: bool = True) -> str:
    """What to type about an object that is in this state; empty where nothing is to be done."""
    try:
        known = Reason(reason)
    except ValueError:  # of a newer operator
        return "see docs/troubleshooting.md of the operator's version"
    step = WAIT if known in ASKED and not stalled else STEPS.get(known, "")
    return step.format(namespace=key.namespace, name=key.name)


def who_acts(reason: str) -> str:
    """Who must act next, in words; empty where nobody must, or where this version does not know the reason."""
    try:
        acts = Reason(reason).acts
    except ValueError:
        return ""
    return "" if acts is Actor.NOBODY else str(acts)
