"""The flows in which the operator is killed: what a person does to one object, and what has to be true in the end."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from cluster.support.eventually import eventually
from faults.support.points import Moment, Point
from faults.support.promises import duplicates, lies
from faults.support.stage import JsonObject, Stage
from unit.api.invalid_specs import valid_spec

_CONVERGENCE: Final = 60.0
"""Seconds; the settle times of an unknown attempt are a tenth of it."""
_PROVISIONING: Final = 60.0
"""Seconds of the simulator's own clock: enough for whatever is under way there."""
_BY_HAND: Final[JsonObject] = {
    "name": "by hand",
    "description": "a note",
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 2},
}


class Flow:
    """One run of a flow over an object of its own, on a stage that nothing else uses meanwhile.

    As it stands: from a new object to Ready.
    """

    name: ClassVar[str] = "create"
    fewest: ClassVar[int] = 25
    """An enumeration that finds fewer boundaries than this is broken."""
    made: ClassVar[int] = 1
    """How many endpoints the operator makes in all."""
    change: ClassVar[str] = "cloud POST"
    """Its call with the most to lose, as `support/points` names it."""
    starting: ClassVar[bool] = False
    """Whether it begins with the start of a process, so that what that reads counts."""

    def __init__(self, stage: Stage, subject: str) -> None:
        self.stage = stage
        self.subject = subject
        self.spec: JsonObject = {}
        self.wrong: list[str] = []
        self.endpoint_id = ""
        self._since = stage.cloud.summary()["calls"]

    def prepare(self) -> None:
        """What is there before the flow begins: an operator that watches."""
        self.stage.watched()

    def act(self) -> None:
        """What sets the flow off."""
        self.make()

    def done(self) -> bool:
        """Whether it has come to its end; notes what is wrong at the moment that the object says so."""
        return self.ready()

    def clean_up(self) -> None:
        """Delete the object, and see that nothing is left."""
        if self.stage.find(self.subject) is not None:
            self.delete()
        self.until(self.gone)

    def judge(self) -> list[str]:
        """What is wrong after all, by the record too."""
        calls = self.stage.cloud.calls(since=self._since)
        return [*self.wrong, *duplicates(calls, f" {self.stage.namespace}/{self.subject} uid="), *self.recorded(calls)]

    def recorded(self, calls: list[JsonObject]) -> list[str]:
        """What is wrong with what was sent."""
        ends = [call for call in calls if call["method"] == "DELETE" and call["effect"] == "applied"]
        made = [call for call in calls if call["method"] == "POST" and call["effect"] == "applied"]
        wrong = [] if len(ends) == 1 else [f"{len(ends)} endpoints were deleted"]
        return wrong if len(made) == self.made else [*wrong, f"{len(made)} endpoints were made"]

    # Questions

    def until(self, done: Any) -> None:  # noqa: ANN401  # a bound method
        """Wait until `done` says so."""
        eventually(done, within=_CONVERGENCE, what=f"{done.__name__} of {self.subject}")

    def ready(self) -> bool:
        """Whether the object says Ready at its generation. Whatever the cloud waits for, comes to pass."""
        seen = self.stage.find(self.subject)
        assert seen is not None, "the object is gone"
        self.stage.alive()
        if seen.ready:
            self.wrong += lies(seen, self.stage.endpoints(self.subject))
            self.endpoint_id = self.endpoint_id or seen.endpoint_id
            if self.endpoint_id != seen.endpoint_id:
                self.wrong.append(f"{seen.endpoint_id} in place of {self.endpoint_id}")
            return True
        if seen.status.get("state") in ("Starting", "Updating", "Stopping"):
            self.stage.cloud.advance(_PROVISIONING)
        assert False, seen.summary()  # noqa: B011, PT015  # what `eventually` shows when the time is over

    def gone(self) -> bool:
        """Whether the object is gone; then its endpoint is, at this very moment."""
        seen = self.stage.find(self.subject)
        self.stage.alive()
        assert seen is None, seen.summary()
        left = [item["id"] for item in self.stage.endpoints(self.subject)]
        if left:
            self.wrong.append(f"left behind: {', '.join(left)}")
        return True

    # Deeds of a person

    def make(self) -> None:
        """Create the object."""
        self.stage.kube.create(self.stage.namespace, self.subject, valid_spec(**self.spec))

    def delete(self) -> None:
        """Begin the object's deletion."""
        self.stage.kube.delete(self.stage.namespace, self.subject)


class Update(Flow):
    """From an edited spec to Ready with it."""

    name = "update"
    fewest = 15
    change = "cloud PATCH"

    def prepare(self) -> None:
        """A Ready object."""
        super().prepare()
        self.make()
        self.until(self.ready)

    def act(self) -> None:
        """Change all that can be changed without other GPUs."""
        change = {"displayName": "renamed", "description": "more", "scaling": {"minReplicas": 2, "maxReplicas": 5}}
        self.stage.kube.patch(self.stage.namespace, self.subject, {"spec": change})


class Delete(Flow):
    """From the deletion of a Ready object to its end."""

    name = "delete"
    fewest = 17
    change = "cloud DELETE"

    def prepare(self) -> None:
        """A Ready object."""
        super().prepare()
        self.make()
        self.until(self.ready)

    def act(self) -> None:
        """Delete it."""
        self.delete()

    def done(self) -> bool:
        """It is gone."""
        return self.gone()


class Release(Delete):
    """The same with an endpoint that is to be let go: it stays alive, with the mark of that."""

    name = "release"
    fewest = 12
    change = "cloud PATCH"

    def __init__(self, stage: Stage, subject: str) -> None:
        super().__init__(stage, subject)
        self.spec = {"deletionPolicy": "Retain"}

    def clean_up(self) -> None:
        """See that the endpoint was let go in order; a person deletes it."""
        kept = self.stage.cloud.endpoint(self.endpoint_id)
        if not kept["alive"]:
            self.wrong.append("the endpoint to be retained is gone")
        if kept["description"] != f"[k8s-released {self.stage.cluster_id} {self.stage.namespace}/{self.subject}]":
            self.wrong.append(f"let go with the description {kept['description']!r}")
        self.stage.cloud.console_delete(self.endpoint_id)

    def recorded(self, calls: list[JsonObject]) -> list[str]:
        """A DELETE was not even asked for."""
        ends = [call for call in calls if call["method"] == "DELETE"]
        return [f"{len(ends)} times DELETE of an endpoint to be retained"] if ends else []


class Adopt(Flow):
    """From an object that names an endpoint made by hand to Ready with it."""

    name = "adopt"
    fewest = 25
    change = "cloud PATCH"
    made = 0

    def prepare(self) -> None:
        """An endpoint made by hand that the operator has seen."""
        super().prepare()
        self.endpoint_id = self.stage.cloud.console_create(**_BY_HAND)["id"]
        self.spec = {"endpointId": self.endpoint_id, "deletionPolicy": "Delete"}
        self.stage.cloud.advance(_PROVISIONING)
        self.stage.after_lists()


class Recover(Flow):
    """From the start of a process, its predecessor killed before it had the answer to its POST, to Ready."""

    name = "recover"
    fewest = 30
    change = "kube PATCH status"
    starting = True
    died: ClassVar[Moment] = Moment.AFTER

    def prepare(self) -> None:
        """An object whose operator has died at its POST."""
        super().prepare()
        self.stage.begin(self.subject, Point("cloud POST", 1, self.died))
        self.make()
        eventually(self.stage.tower.killed.is_set, what="the death at the POST")

    def act(self) -> None:
        """Start another process."""
        self.stage.start()


class Retry(Recover):
    """The same where the POST was never sent. After a second such death in a row it takes twice as long."""

    name = "retry"
    fewest = 26
    change = "cloud POST"
    starting = False
    died = Moment.BEFORE

    def done(self) -> bool:
        """It is Ready."""
        return self.ready()


class Withdraw(Recover):
    """From the deletion of an object whose endpoint was made, and nobody knows of it yet, to the end of both."""

    name = "withdraw"
    fewest = 17
    change = "cloud DELETE"
    starting = False

    def act(self) -> None:
        """Delete the object, and start another process."""
        self.delete()
        super().act()

    def done(self) -> bool:
        """It is gone."""
        return self.gone()


FLOWS: Final[tuple[type[Flow], ...]] = (Flow, Update, Delete, Adopt, Release, Recover, Retry, Withdraw)
