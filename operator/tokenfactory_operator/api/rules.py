"""The CEL rules of the CRD: what the API server refuses beyond types and bounds, and what it says then.

A rule that compares with the old object stands on the *parent* of its field: a rule on an optional field itself is not
run when that field is added or removed. A rule that needs the status stands on the root. Nothing here may refuse a
write of status or metadata for what the cloud or an older CRD let in: rules on the root therefore judge only what the
very update changes.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_operator.api.v1alpha1 import RESERVED_TEXT, ROUTING_KEY_PREFIX

_UNSEEN: Final = r"[\p{C}\p{M}\x{115F}\x{1160}\x{3164}\x{FFA0}]*"
"""Characters that show nothing by themselves: a cloud that drops them would make a mark of what is left."""
_RESERVED: Final = _UNSEEN.join(re.escape(character) for character in RESERVED_TEXT)
"""RE2, as CEL has it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One ``x-kubernetes-validations`` entry.

    ``parent`` is the path of property names from the root of the object to the schema node that carries the rule;
    ``field`` is the path, below that node, that the error names. ``optional_old_self`` runs a rule that compares on
    creation too, with an empty ``oldSelf``.
    """

    parent: tuple[str, ...]
    field: str
    expression: str
    message: str
    forbidden: bool = False
    optional_old_self: bool = False

    def to_schema(self) -> dict[str, Any]:
        """The entry in the form of apiextensions.k8s.io/v1 ``ValidationRule``."""
        entry: dict[str, Any] = {"rule": self.expression, "message": self.message}
        if self.field:
            entry["fieldPath"] = self.field
        if self.forbidden:
            entry["reason"] = "FieldValueForbidden"
        if self.optional_old_self:
            entry["optionalOldSelf"] = True
        return entry


_NOTHING_CREATED: Final = (
    "oldSelf.?status.?endpointId.orValue('') == ''"
    " && (!has(oldSelf.status) || !has(oldSelf.status.createAttempt)"
    " || (oldSelf.status.createAttempt.?state.orValue('') == 'Refused'"
    " && oldSelf.status.createAttempt.?afterUnknown.orValue(0) == 0))"
)
"""No create call was sent, or the only one was surely refused. An update of the spec carries the stored status."""


def _immutable(name: str) -> Rule:
    return Rule(
        parent=(),
        field=f".spec.{name}",
        expression=f"self.spec.{name} == oldSelf.spec.{name} || ({_NOTHING_CREATED})",
        message=(
            f"{name} is immutable: the cloud cannot change it, and an endpoint may have been created; "
            "delete this object and create another one"
        ),
        forbidden=True,
    )


def _stays_once_set(name: str) -> Rule:
    return Rule(
        parent=("spec",),
        field=f".{name}",
        expression=f"!has(oldSelf.{name}) || (has(self.{name}) && self.{name} == oldSelf.{name})",
        message=f"{name} is immutable once set: put the old value back, or delete this object and create another one",
        forbidden=True,
    )


RULES: Final[tuple[Rule, ...]] = (
    _immutable("model"),
    _immutable("flavor"),
    _immutable("region"),
    Rule(
        parent=(),
        field=".spec.routingKey",
        expression=(
            "!has(oldSelf.spec.routingKey)"
            " || (has(self.spec.routingKey) && self.spec.routingKey == oldSelf.spec.routingKey)"
            f" || ({_NOTHING_CREATED})"
        ),
        message=(
            "routingKey is immutable once set, and an endpoint may have been created: put the old value back, "
            "or delete this object and create another one"
        ),
        forbidden=True,
    ),
    _stays_once_set("endpointId"),
    Rule(
        parent=(),
        field=".spec.endpointId",
        expression=(
            "!has(self.spec.endpointId) || has(oldSelf.spec.endpointId)"
            " || self.?status.?endpointId.orValue('') in ['', self.spec.endpointId]"
        ),
        message=(
            "endpointId can be added only while this object has no endpoint, or with the id in status.endpointId: "
            "to adopt another endpoint, create another object for it"
        ),
        forbidden=True,
    ),
    Rule(
        parent=(),
        field=".spec.managementPolicy",
        expression=(
            "self.spec.managementPolicy != 'Observe' || has(self.spec.endpointId)"
            " || self.?status.?endpointId.orValue('') != ''"
            " || oldSelf.?spec.?managementPolicy.orValue('') == 'Observe'"
        ),
        message=(
            "managementPolicy Observe creates nothing: set endpointId to the endpoint to observe, "
            "or use Manage until this object has one"
        ),
        optional_old_self=True,
    ),
    Rule(
        parent=("spec", "scaling"),
        field=".minReplicas",
        expression="self.minReplicas <= self.maxReplicas",
        message="minReplicas must not be greater than maxReplicas: lower minReplicas or raise maxReplicas",
    ),
    Rule(
        parent=("spec", "scaling"),
        field=".minReplicas",
        expression="self.minReplicas >= 1",
        message="minReplicas must be at least 1: to run no replica, set spec.enabled to false",
    ),
    Rule(
        parent=("spec", "routingKey"),
        field="",
        expression=f"self.startsWith('{ROUTING_KEY_PREFIX}')",
        message=(
            f'routingKey must start with "{ROUTING_KEY_PREFIX}" and have 11 to 128 characters: '
            "change it, or leave it out and the cloud makes one"
        ),
    ),
    Rule(
        parent=("spec", "description"),
        field="",
        expression=f"!self.matches(r'{_RESERVED}')",
        message=(
            f'description must have at most 300 characters and must not contain "{RESERVED_TEXT}": '
            "the operator appends its owner mark there; remove that text"
        ),
    ),
    Rule(
        parent=("spec", "credentials"),
        field=".projectId",
        expression="!has(self.projectId) || has(self.secretRef)",
        message="projectId needs secretRef: name the Secret whose key may use that project, or remove projectId",
    ),
)
