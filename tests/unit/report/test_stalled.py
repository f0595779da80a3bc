"""When is a person asked? By the table of reasons, with two exceptions that the checks make."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import Create, Hindered, Update
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.decision_input import Outage
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.reasons import Actor, KStatus, Reason
from tokenfactory_operator.report import status
from unit.support.builders import SCOPE, UID, an_endpoint
from unit.support.scene import Scene

NOW = "2025-01-01T12:00:00Z"


def without_credential(scene: Scene) -> Scene:
    """No token is to be had, first seen now."""
    scene.inventory.scope = ""
    scene.inventory.outage = Outage(Reason.CREDENTIALS_MISSING, "There is no Secret.", blind=True)
    scene.situation()
    return scene


def reported(scene: Scene) -> dict[str, str]:
    """The conditions that the plan's own decision writes; they stand in the scene's object from now on."""
    s = scene.situation()
    decision = decide(s)
    assert decision.verdict is not None
    scene.body["status"] = status.after(s, decision, decision.verdict, now=NOW).to_dict()
    return {item["type"]: f"{item['status']} {item['reason']}" for item in scene.body["status"]["conditions"]}


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_has_its_row(reason: Reason) -> None:
    """Failed is where a person must act, and nobody else is waited for; a check may say otherwise."""
    assert (reason.kstatus is KStatus.CURRENT) is (reason.acts is Actor.NOBODY)
    assert (reason.kstatus is KStatus.FAILED) is (reason.acts is Actor.PERSON and reason is not Reason.RECONCILE_PAUSED)
    assert Hindered(reason, "text").stalled is (reason.kstatus is KStatus.FAILED)
    assert Hindered(reason, "text", asks=True).stalled
    assert not Hindered(reason, "text", asks=False).stalled


def test_a_secret_may_come_after_its_object() -> None:
    """For one interval a missing credential is waited for; then a person is asked; with the Secret it goes on."""
    scene = without_credential(Scene())
    first = decide(scene.situation())
    assert first.after == pytest.approx(scene.timing.poll_interval, abs=0.1)
    assert reported(scene)["Reconciling"] == "Unknown CredentialsMissing".replace("Unknown", "True")
    assert scene.body["status"]["observedGeneration"] == -1
    scene.wait(scene.timing.poll_interval + 0.1)
    assert reported(scene)["Stalled"] == "True CredentialsMissing"
    assert scene.body["status"]["observedGeneration"] == 1
    scene.inventory.scope, scene.inventory.outage = SCOPE, None
    assert isinstance(decide(scene.lists().situation()).action, Create)


def test_a_restart_asks_no_less() -> None:
    """What a person was asked for before is asked for at once: a restart makes no condition flap."""
    scene = without_credential(Scene())
    scene.wait(scene.timing.poll_interval + 0.1)
    before = reported(scene)
    scene.memory = Memory(UID)
    assert reported(scene) == before


def test_what_a_dead_process_said_of_an_outage_is_not_kept() -> None:
    """It was not known for want of a LIST; now it is not known for want of a token that is accepted."""
    scene = Scene().recorded().lists(an_endpoint())
    reported(scene)
    assert reported(scene.outage(blind=True))["Serving"] == "Unknown CloudUnavailable"
    scene.inventory.outage = Outage(Reason.UNAUTHORIZED, "The cloud does not accept the token.", blind=False)
    said = reported(scene)
    assert {said["Ready"], said["Serving"]} == {"Unknown Unauthorized"}
    assert said["Stalled"] == "True Unauthorized"


def test_ready_is_not_said_of_a_generation_that_was_never_judged() -> None:
    """An edit while the credential is missing: Ready is Unknown, and describes the generation that was judged."""
    scene = Scene().recorded().lists(an_endpoint())
    assert reported(scene)["Ready"] == "True Available"
    scene.body["metadata"]["generation"] = 2
    scene.spec(displayName="chat")
    without_credential(scene).wait(scene.timing.poll_interval + 0.1)
    said = reported(scene)
    assert (said["Ready"], said["Stalled"]) == ("Unknown CredentialsMissing", "True CredentialsMissing")
    assert scene.body["status"]["observedGeneration"] == 2
    ready = scene.body["status"]["conditions"][0]
    assert (ready["type"], ready["observedGeneration"]) == ("Ready", 1)
    assert reported(scene) == said


def test_an_edit_without_a_credential_is_no_drift() -> None:
    """Once the credential is back, the edit is sent as an edit: nobody has changed the cloud."""
    scene = Scene().recorded().lists(an_endpoint())
    reported(scene)
    scene.body["metadata"]["generation"] = 2
    scene.spec(displayName="chat")
    without_credential(scene).wait(scene.timing.poll_interval + 0.1)
    reported(scene)
    scene.inventory.scope, scene.inventory.outage = SCOPE, None
    action = decide(scene.lists(an_endpoint()).situation()).action
    assert isinstance(action, Update)
    assert not action.drift


def test_a_stop_in_the_console_needs_a_person() -> None:
    """Nothing is under way, and nobody but a person can start it again."""
    said = reported(Scene().recorded().lists(an_endpoint(enabled=False, status="stopped", ready_replicas=0)))
    assert said["Stalled"] == said["Ready"].replace("False", "True") == "True StoppedInConsole"
    assert said["Synced"] == "True ReconcileSuccess"
