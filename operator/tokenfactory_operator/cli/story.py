"""One object from its spec to the cloud: gathered for a person to read, and concluded from nothing but what is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.advice import next_step, who_acts
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.credentials.secret_values import name_in
from tokenfactory_operator.domain.errors import CloudError, KubeError
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.kube.paths import EVENTS
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.ports import JsonObject
from tokenfactory_operator.state.cache import secret_of

NEWEST: Final = 5
"""The newest ones that are shown."""
NOT_JUDGED: Final = "NotJudged"
"""In place of a reason, where no operator has said anything about the present spec."""


@dataclass(frozen=True)
class Story:
    """What is known of one object."""

    shown: Shown
    endpoint: str
    """The endpoint as the cloud shows it, or as the status remembers it; a sentence."""
    credential: str
    """With whose token the cloud is called; a sentence."""
    events: Sequence[JsonObject] = field(default=())
    timing: Timing = field(default_factory=Timing)

    @property
    def reason(self) -> str:
        """The reason that matters most."""
        why = self.shown.why
        return NOT_JUDGED if why is None or not self.shown.judged else why.reason

    @property
    def message(self) -> str:
        """Why it stands as it does."""
        why = self.shown.why
        if why is not None and self.shown.judged:
            return why.message
        known = f" What it says is about generation {self.shown.resource.status.observed_generation}." if why else ""
        return f"No operator has judged generation {self.shown.generation} yet.{known}"

    @property
    def waits_for(self) -> str:
        """Who must act next; empty where nobody must."""
        if self.reason == NOT_JUDGED:
            return "the operator"
        return "a person" if self.shown.stalled else who_acts(self.reason)

    @property
    def until(self) -> str:
        """By when that goes on by itself, as far as a setting says so; empty where none does."""
        return until(self.shown, self.reason, self.timing)

    @property
    def next_step(self) -> str:
        """What to type."""
        if self.shown.ready:
            return ""
        if self.reason == NOT_JUDGED:
            return "kubectl tokenfactory doctor"
        return next_step(self.reason, self.shown.key, stalled=self.shown.stalled is not None)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        attempt = self.shown.attempt
        return {
            "namespace": self.shown.key.namespace,
            "name": self.shown.key.name,
            "state": self.shown.state,
            "reason": self.reason,
            "message": self.message,
            "generation": self.shown.generation,
            "endpoint": self.endpoint,
            "credential": self.credential,
            "attempt": attempt.to_dict() if attempt is not None else None,
            "conditions": [item.to_dict() for item in self.shown.conditions],
            "events": [
                {"at": when(item), "reason": item.get("reason"), "message": item.get("message")} for item in self.events
            ],
            "waitsFor": self.waits_for,
            "until": self.until,
            "next": self.next_step,
        }


def when(event: JsonObject) -> str:
    """When an Event was told last."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def until(shown: Shown, reason: str, timing: Timing) -> str:
    """The time that the protocol waits, counted from what the status remembers."""
    if shown.stalled is not None:
        return ""
    attempt = shown.attempt
    if reason == Reason.CREATE_OUTCOME_UNKNOWN and attempt is not None and attempt.since:
        settle = (
            timing.delete_settle
            if shown.deleted_at
            else timing.create_settle * 2.0 ** min(attempt.after_unknown or 0, 10)
        )
        return _later(attempt.since, settle + timing.send_deadline + timing.request_timeout)
    why = shown.why
    if reason == Reason.ENDPOINT_LOST and why is not None and why.last_transition_time:
        return _later(why.last_transition_time, timing.lost_settle)
    return ""


def _later(begun: str, seconds: float) -> str:
    try:
        moment = datetime.fromisoformat(begun) + timedelta(seconds=seconds)
    except ValueError:
        return ""
    return f"about {moment:%Y-%m-%dT%H:%M:%SZ}, longer if the operator was started since, or a list fails"


async def story(session: Session, body: JsonObject) -> Story:
    """Gather all of it; what may not be read, or does not answer, is said as such."""
    shown = Shown.of(body)
    timing = (await session.access()).settings.timing()
    return Story(
        shown, await _endpoint(session, shown), await _credential(session, body), await _events(session, shown), timing
    )


async def _endpoint(session: Session, shown: Shown) -> str:
    wanted = shown.endpoint_id or shown.named_id
    if not wanted:
        return "none yet"
    if secret_of(shown.resource.body) is not None:
        return f"{_remembered(shown, wanted)} (by the status; its Secret's project is not listed here)"
    if (await session.access()).token is None:
        return f"{_remembered(shown, wanted)} (by the status; there is no token to list the cloud)"
    try:
        listed = await session.endpoints()
    except CloudError as error:
        return f"{_remembered(shown, wanted)} (by the status; the cloud does not answer: {error.message})"
    found = next((each for each in listed.endpoints if each.id == wanted), None)
    return described(found) if found is not None else f"{wanted} is not in the cloud's list"


def described(endpoint: ObservedEndpoint) -> str:
    """An endpoint in one line."""
    ready = "?" if endpoint.ready_replicas is None else endpoint.ready_replicas
    state = ", ".join(filter(None, (endpoint.status, endpoint.readiness)))
    return f"{endpoint.id}: {state or 'no state'}, {ready} of {endpoint.min_replicas} replicas ready"


def _remembered(shown: Shown, endpoint_id: str) -> str:
    status = shown.resource.status
    return ", ".join(filter(None, (f"{endpoint_id}: {status.state or 'no state'}", status.readiness)))


async def _credential(session: Session, body: JsonObject) -> str:
    secret, namespace = secret_of(body), body["metadata"]["namespace"]
    settings = (await session.access()).settings
    if secret is None:
        allowed = settings.may_use_own_credential(namespace)
        return "the operator's own" if allowed else f"none: the namespace {namespace} may not use the operator's own"
    if not settings.secret_credentials:
        return f"the Secret {secret.name}, but this operator does not read Secrets"
    key = name_in(body)
    try:
        found = await KubeSecrets(await session.client()).read(secret, [key])
    except KubeError as error:
        return f"the Secret {secret.name}, which you may not read ({error.message})"
    if found is None:
        return f'the Secret {secret.name}, which is not there, or lacks the label {api.CREDENTIALS_LABEL}: "true"'
    if key not in found["data"]:
        return f"the Secret {secret.name}, which has no key {key}"
    return f"the Secret {secret.name}, key {key}"


async def _events(session: Session, shown: Shown) -> Sequence[JsonObject]:
    path = EVENTS.within(shown.key.namespace)
    selector = f"involvedObject.kind={api.KIND},involvedObject.name={shown.key.name}"
    try:
        answer = await (await session.client()).request("GET", path, query=[("fieldSelector", selector)])
    except KubeError:
        return ()
    mine = [item for item in answer.get("items") or () if item["involvedObject"].get("uid") in ("", None, shown.uid)]
    return sorted(mine, key=when)[-NEWEST:]
