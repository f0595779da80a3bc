"""What the real kstatus library concludes of every status that the operator can write."""

from __future__ import annotations

import pytest

from gitops.support.kstatus import verdicts
from gitops.support.written import OF_SYNCED, Written, everything
from tokenfactory_operator.domain.reasons import KStatus, Reason

pytestmark = pytest.mark.verify


def expected(item: Written) -> KStatus:
    """By the rule: a person is asked, or it is Ready and nothing is under way, or it is waited for."""
    if item.said("Stalled"):
        return KStatus.FAILED
    generation = item.body["metadata"]["generation"]
    ready = item.said("Ready")["status"] == "True" and not item.said("Reconciling")
    current = ready and item.body["status"].get("observedGeneration") == generation
    return KStatus.CURRENT if current else KStatus.IN_PROGRESS


def test_every_status() -> None:
    """Kstatus agrees with the conditions on each, and Stalled and Reconciling are never there together."""
    items = everything()
    assert [str(expected(item)) for item in items] == verdicts(item.body for item in items)
    assert not [item for item in items if item.said("Stalled") and item.said("Reconciling")]


def test_every_reason() -> None:
    """Each row of the table: where nothing else is said, a reason of Synced has the verdict of its row."""
    plain = [item for item in everything() if item.verdict.asks is None and item.verdict.synced is False]
    judged = [item for item in plain if item.verdict.judged and not item.decision.in_order]
    found = {
        (item.verdict.reason, verdict) for item, verdict in zip(judged, verdicts(i.body for i in judged), strict=True)
    }
    awaited = {(reason, str(reason.kstatus)) for reason in OF_SYNCED if reason is not Reason.RECONCILE_SUCCESS}
    assert {row for row in found if row[0] is not Reason.RECONCILE_SUCCESS} == awaited


def test_what_an_endpoint_shows() -> None:
    """Each row of the table for a reason of Ready: where Synced is True, the verdict is that of what is shown."""
    items = [item for item in everything() if item.verdict.synced is True]
    found = {
        (item.said("Ready")["reason"], verdict)
        for item, verdict in zip(items, verdicts(i.body for i in items), strict=True)
    }
    assert found == {(reason, str(reason.kstatus)) for reason in {Reason(reason) for reason, _ in found}}
    assert {reason for reason, _ in found} >= {
        "Available",
        "Stopped",
        "StoppedInConsole",
        "Starting",
        "DeploymentError",
    }


@pytest.mark.parametrize("judged", [True, False], ids=["judged", "unjudged"])
def test_a_person_is_not_waited_for(*, judged: bool) -> None:
    """A credential that is missing or refused ends each wait, also where the present generation was never judged."""
    reasons = {Reason.CREDENTIALS_MISSING, Reason.UNAUTHORIZED, Reason.FORBIDDEN}
    items = [i for i in everything() if i.verdict.reason in reasons and i.verdict.asks is None]
    of_kind = [item.body for item in items if item.verdict.judged is judged]
    assert len(of_kind) >= 27
    assert set(verdicts(of_kind)) == {"Failed"}
