"""A `DedicatedEndpoint` object as the decision sees it: parsed once, never half understood."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.attempt import CREATED
from tokenfactory_operator.domain.errors import bounded
from tokenfactory_operator.domain.identity import ADOPTED, RESTORED

NO: Final = frozenset({"false", "no", "off", "0"})
"""Values of an annotation that switch nothing on. A word that is not understood does: that is seen."""
ANNOTATIONS: Final = (api.PAUSED, api.RECONCILE_REQUESTED_AT, api.FORCE_RELEASE, api.IGNORE_CATALOG)
"""Those that mean something here; nothing is kept of any other."""
MAX_ANNOTATION: Final = 256
"""Characters that are kept of one's value, and echoed in the status."""

UNREAD: Final = api.Status(observed_generation=api.UNOBSERVED_GENERATION)
"""A status that says nothing."""


def known_annotations(given: Mapping[str, str]) -> dict[str, str]:
    """The annotations that mean something here, each of bounded length."""
    return {name: _short(given[name]) for name in ANNOTATIONS if name in given}


def _short(value: str) -> str:
    """A long value ends in a hash of the whole, so that another one stays another one; a short one stays as it is."""
    if len(value) <= MAX_ANNOTATION:
        return value
    digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{value[: MAX_ANNOTATION - len(digest) - 1]}#{digest}"


@dataclass(frozen=True)
class Resource:
    """One version of one object."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    terminating: bool
    finalizers: tuple[str, ...]
    annotations: Mapping[str, str]
    spec: api.Spec | None
    """None where the stored spec does not fit the models (written under another schema): see `problem`."""
    problem: str
    status: api.Status
    """Empty where the stored status is not this object's (restored by a backup tool) or cannot be read."""
    body: Mapping[str, Any]
    """The object as it was read, for preconditions and merge patches."""

    @property
    def has_finalizer(self) -> bool:
        """Whether our finalizer holds the object."""
        return api.FINALIZER in self.finalizers

    @property
    def paused(self) -> bool:
        """Whether a person has asked for no mutation of the cloud: any value but a clear "no" does."""
        return self._switched_on(api.PAUSED)

    @property
    def ignores_catalog(self) -> bool:
        """Whether a person has asked to send what the catalog rules out; values as for `paused`."""
        return self._switched_on(api.IGNORE_CATALOG)

    def _switched_on(self, annotation: str) -> bool:
        value = self.annotations.get(annotation)
        return value is not None and value.strip().casefold() not in NO

    @property
    def force_release(self) -> bool:
        """Whether a person has asked to let go of whatever there is."""
        return self.annotations.get(api.FORCE_RELEASE) == "true"

    @property
    def odd_force_release(self) -> str:
        """The value of that annotation, where it lets go of nothing and is no clear "no"; empty if there is none."""
        value = self.annotations.get(api.FORCE_RELEASE, "")
        return "" if self.force_release or value.strip().casefold() in {"", *NO} else value

    @property
    def requested_at(self) -> str:
        """The value of the request annotation; empty when it was never set."""
        return self.annotations.get(api.RECONCILE_REQUESTED_AT, "")

    @property
    def request_pending(self) -> bool:
        """Whether the request annotation has a value that no pass has handled yet."""
        return bool(self.requested_at) and self.requested_at != (self.status.last_handled_reconcile_at or "")

    def said(self, field: str) -> str:
        """A text field of the spec, by its Kubernetes name, also where the spec as a whole cannot be read."""
        spec = self.body.get("spec")
        return str(spec.get(field) or "") if isinstance(spec, Mapping) else ""

    @property
    def named_id(self) -> str:
        """The endpoint that the spec asks to adopt; empty if none."""
        return self.said("endpointId")

    @property
    def management_policy(self) -> api.ManagementPolicy:
        """The policy in force: what is not understood changes nothing."""
        manages = self.said("managementPolicy") in ("", api.ManagementPolicy.MANAGE)
        return api.ManagementPolicy.MANAGE if manages else api.ManagementPolicy.OBSERVE

    @property
    def observes(self) -> bool:
        """Whether the object never changes the cloud."""
        return self.management_policy is api.ManagementPolicy.OBSERVE

    @property
    def origin(self) -> str:
        """What made the recorded endpoint: an attempt's id, `adopted` or `restored`; empty where that is not known."""
        reported, attempt = self.status.endpoint_origin, self.status.create_attempt
        if reported is not None and reported.endpoint_id == self.status.endpoint_id:
            return reported.attempt
        # The version before this one has written it here, and only here.
        return attempt.id if attempt is not None and attempt.state == CREATED and self.status.endpoint_id else ""

    @property
    def taking_over(self) -> bool:
        """Whether the recorded endpoint is being taken over: an attempt would be written before what it makes."""
        return self.status.create_attempt is None and self.status.endpoint_id is not None and not self.origin

    @property
    def created_by_us(self) -> bool:
        """Whether the endpoint was created for this object rather than adopted: its origin says that, else the spec."""
        named = bool(self.named_id) and self.status.endpoint_id in (None, self.named_id)
        return not named if self.origin in {"", RESTORED} else self.origin != ADOPTED

    @property
    def deletion_policy(self) -> api.DeletionPolicy:
        """The policy in force: what is left out depends on where the endpoint came from."""
        said = self.said("deletionPolicy")
        if said:  # what is not understood deletes nothing
            return api.DeletionPolicy.DELETE if said == api.DeletionPolicy.DELETE else api.DeletionPolicy.RETAIN
        created = self.created_by_us and not self.taking_over
        return api.DeletionPolicy.DELETE if created else api.DeletionPolicy.RETAIN


def _spec(body: Mapping[str, Any]) -> tuple[api.Spec | None, str]:
    try:
        return api.Spec.model_validate(body.get("spec", {})), ""
    except ValidationError as error:
        details = (f"spec.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
        return None, bounded("; ".join(details))


def _status(body: Mapping[str, Any], uid: str) -> api.Status:
    try:
        status = api.Status.model_validate(body.get("status") or {})
    except ValidationError:
        return UNREAD
    # Status is a cache, never an authority: what another uid's status says must not lead to that uid's endpoint. Ours
    # always names its uid; one without is the schema's default, or not ours.
    return status if status.uid == uid else UNREAD


def parse(body: Mapping[str, Any]) -> Resource:
    """Read an object as the API server sends it; raises `KeyError` only where it has no name or uid."""
    metadata = body["metadata"]
    spec, problem = _spec(body)
    return Resource(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        resource_version=metadata.get("resourceVersion", ""),
        terminating=bool(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers") or ()),
        annotations=known_annotations(metadata.get("annotations") or {}),
        spec=spec,
        problem=problem,
        status=_status(body, metadata["uid"]),
        body=body,
    )
