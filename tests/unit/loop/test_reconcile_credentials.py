"""One object whose credential changes under it: nothing is made twice, and nothing is held against the new one."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, Forbidden
from tokenfactory_operator.ports import JsonObject
from unit.support.builders import KEY, SCOPE
from unit.support.credentials import another, elsewhere
from unit.support.fakes import Script, Turn
from unit.support.stage import Stage

ASKED = "2025-01-01"


async def test_rotated_token_of_the_same_project() -> None:
    """The new account has seen nothing: until its first LIST nothing is said or done. Then the scope is rewritten."""
    stage = await Stage().ready()
    stage.poller = another(stage, scope="token-2")
    before = stage.body["metadata"]["resourceVersion"]
    await stage.reconcile()
    assert stage.body["metadata"]["resourceVersion"] == before
    await stage.turn()
    assert stage.status["scope"] == "token-2"
    assert stage.reported("Ready") == "True Available"
    assert stage.journal("POST", "PATCH", "DELETE") == []


@pytest.mark.parametrize("deleted", [False, True], ids=["living", "terminating"])
async def test_token_of_another_project(deleted: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """Nothing is made anew, deleted or let go there, however long it lasts; back home all goes on."""
    stage = await Stage().ready()
    home, stage.poller = stage.poller, elsewhere(stage)
    if deleted:
        stage.delete()
    for _ in range(5):
        await stage.turn(300)
    assert stage.reported("Synced") == "False CredentialsMismatch"
    assert stage.reported("Stalled") == "True CredentialsMismatch"
    assert stage.journal("POST", "PATCH", "DELETE", "finalizers") == []
    assert (stage.status["scope"], stage.status["endpointId"]) == (SCOPE, "ep-1")
    stage.poller = home
    for _ in range(3):
        await stage.turn(30)
    assert (KEY in stage.kube.objects) is not deleted
    assert ("ep-1" in stage.cloud.endpoints) is not deleted


async def test_other_project_after_an_unknown_create() -> None:
    """The attempt's endpoint can only be in the first project: absence in the second one resolves nothing."""
    stage = Stage()
    stage.script.plan("create", Turn(CloudUnavailable("lost"), effect=True))
    await stage.turn()
    assert stage.attempt == ("try-1", "Pending")
    home, stage.poller = stage.poller, elsewhere(stage)
    for _ in range(5):
        await stage.turn(300)
    assert stage.reported("Synced") == "False CredentialsMismatch"
    assert stage.journal("POST") == ["POST"]
    stage.poller = home
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"
    assert stage.journal("POST") == ["POST"]


async def test_a_refusal_is_not_held_against_another_credential() -> None:
    """403 means a slow retry; another token is tried at once."""
    stage = Stage()
    stage.script.plan("create", Turn(Forbidden("not here", refused=True)))
    await stage.turn()
    await stage.turn(5)
    assert stage.reported("Synced") == "False Forbidden"
    assert stage.journal("POST") == ["POST"]
    stage.poller = another(stage, scope="token-2")
    await stage.turn()
    assert stage.journal("POST") == ["POST", "POST"]
    assert list(stage.cloud.endpoints) == ["ep-1"]


async def test_credential_changes_while_a_turn_is_waited_for() -> None:
    """What was decided for one account is not sent with another."""
    stage = Stage()
    await stage.poll()
    await stage.poller.catalog.read()  # so that the turn is the create's
    other = elsewhere(stage)

    def change() -> None:
        stage.poller = other

    stage.script.plan("slot", Turn(meanwhile=change))
    await stage.reconcile()
    assert stage.journal("POST", "status Pending") == []
    other_cloud: Any = other.cloud
    await stage.turn()
    assert list(other_cloud.endpoints) == ["ep-1"]
    assert stage.status["scope"] == "project-2"
    assert stage.cloud.endpoints == {}


class Holder:
    """Keeps Secrets; notes in the journal what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.held = False
        self.unread = ""
        """Name of a Secret."""
        self.gone: list[str] = []

    async def read(self, body: JsonObject) -> bool:
        """Reads once."""
        found = bool(self.unread) and _secret_of(body) == self.unread
        self.unread = "" if found else self.unread
        return found

    async def hold(self, body: JsonObject) -> bool:
        """Writes once."""
        wrote, self.held = not self.held, True
        if wrote:
            self.script.journal.append(f"status of Secret for {body['metadata']['name']}")
        return wrote

    def left(self, body: JsonObject) -> None:
        """Noted."""
        self.gone.append(_secret_of(body))


def _secret_of(body: JsonObject) -> str:
    name: str = body["spec"].get("credentials", {}).get("secretRef", {}).get("name", "")
    return name


def keeping(**spec: Any) -> tuple[Stage, Holder]:  # noqa: ANN401  # fields of the wire
    """A stage whose object needs a Secret."""
    stage = Stage(credentials={"secretRef": {"name": "one"}}, **spec)
    holder = Holder(stage.script)
    stage.keep_secrets(holder)
    return stage, holder


async def test_credentials_that_were_just_read_are_used_by_the_next_pass() -> None:
    """This one may be another account's worker: it does nothing, and the object is looked at again at once."""
    stage, holder = keeping()
    holder.unread = "one"
    again = await stage.turn()
    assert again.after == 0.0
    assert stage.journal() == []
    await stage.turn()
    assert "POST" in stage.journal()


async def test_the_secret_of_an_edit_that_only_a_conflict_shows_is_read() -> None:
    """The pass reads the object again. Its event is no news then, so no other pass would come and read the Secret."""
    stage, holder = keeping()
    holder.unread = "two"
    stage.kube.edit(KEY, spec={"credentials": {"secretRef": {"name": "two"}}})
    again = await stage.turn()
    assert (again.after, holder.unread) == (0.0, "")
    assert "POST" not in stage.journal()
    stage.watch()
    await stage.turn()
    assert "POST" in stage.journal()


async def test_the_secret_is_held_before_anything_is_opened() -> None:
    """First the Secret, then the object's finalizer, the attempt and the POST."""
    stage, _ = keeping()
    await stage.turn()
    writes = [note for note in stage.journal() if note != "status"]
    assert writes[:4] == ["status of Secret for llm", "finalizers 1", "status Pending", "POST"]


async def test_a_secret_is_let_go_when_its_object_has_gone_or_has_another() -> None:
    """Told once for each; not while the object is only terminating."""
    stage, holder = keeping()
    await stage.turn()
    stage.edit(credentials={"secretRef": {"name": "two"}})
    await stage.turn()
    assert holder.gone == ["one"]
    stage.delete()
    await stage.reconcile()
    assert holder.gone == ["one"]
    for _ in range(3):
        await stage.turn(31)
    assert KEY not in stage.kube.objects
    assert holder.gone == ["one", "two"]
