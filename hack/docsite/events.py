"""docs/events.md: every Event that the operator's code emits. A new one needs its row here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from docsite.emitted import UnknownEventError, emitted


class Row(NamedTuple):
    """One Event, in words."""

    happened: str
    you: str = "-"


ROWS: Final[Mapping[str, Row]] = {
    "Recovered": Row("A problem is over. The message has its reason, and says whether the object is `Ready`."),
    "CreatedEndpoint": Row("An endpoint was created. The message has its id."),
    "CreatedBesideNamesake": Row(
        "An endpoint was created, though the cloud lists one of the same namespace and name of another cluster. The "
        "message has both ids.",
        "If both clusters are in use: nothing. Else see [a new cluster](disaster-recovery.md#a-new-cluster): both "
        "endpoints are billed.",
    ),
    "UpdatedEndpoint": Row("An edit was sent to the cloud. The message has its fields."),
    "CorrectedDrift": Row(
        "Somebody changed the endpoint in the cloud, and the operator put it back. The message has both values.",
        "Find out who changed it, or leave the field out of the spec.",
    ),
    "AdoptedEndpoint": Row(
        "The owner mark was put on the endpoint of `spec.endpointId`, or on that of an earlier object of this name."
    ),
    "DeletedDuplicateEndpoint": Row(
        "A create call took effect later than the settle time, and the operator deleted its endpoint.",
        "If this happens often: raise `TOKENFACTORY_CREATE_SETTLE`.",
    ),
    "DeletedEndpoint": Row(
        "The endpoint was seen to be gone, and the finalizer was removed. As a warning: the endpoint of an object that "
        "was removed by force was deleted."
    ),
    "ReleasedEndpoint": Row(
        "The object was deleted with `Retain`. The endpoint stays, with a mark that says so.",
        "The endpoint is billed until somebody deletes it.",
    ),
    "ForceReleased": Row(
        "The finalizer was removed without proof. The message says what may still be billed.", "Look at the console."
    ),
    "EndpointLost": Row(
        "A known endpoint is proven to be gone.", "See the reason [`EndpointLost`](troubleshooting.md#endpointlost)."
    ),
    "EndpointNotDeleted": Row(
        "The object of an endpoint was removed by force, and the endpoint could not be deleted. The message says "
        "whether a new object of that name waits for it.",
        "Mend what the message names, or delete the endpoint in the console. It is billed until then.",
    ),
    "ConnectionNotWritten": Row(
        "The ConfigMap of `spec.connection` cannot be written. The message says why, and `status.connection` too. The "
        "endpoint is not affected.",
        "Do what the message says; see [Call an endpoint](how-to/call.md#what-can-go-wrong).",
    ),
    "ConnectionNotKept": Row(
        "`spec.connection` names another ConfigMap, or none. The one before stays until the object is deleted.",
        "Delete it when no application uses it.",
    ),
    "OwnershipConflict": Row("A deleted object left an endpoint that is not clearly its own.", "Look at the console."),
    "WriteNotStored": Row(
        "The API server accepted the operator's finalizer, its removal, a create attempt or a status, and its answer "
        "does not show it.",
        "Look for a mutating webhook that changes these objects, and at the version of the CRD.",
    ),
    "StatusReduced": Row(
        "The API server refused the status: it is too large, or its schema does not allow it. Only ids, scope, attempt "
        "and short conditions were written.",
        "Look at the version of the CRD. The message has the API server's sentence.",
    ),
    "OperatorDefect": Row(
        "The operator failed on this object by a fault of its own.",
        "See the reason [`OperatorDefect`](troubleshooting.md#operatordefect).",
    ),
    "OrphanedEndpoint": Row(
        "On the operator's namespace: an endpoint with this cluster's mark has no object any more.",
        "Delete it in the console, or adopt it with `spec.endpointId`. It is billed until then.",
    ),
    "NotSelected": Row(
        "The labels of the object no longer match `TOKENFACTORY_OBJECT_SELECTOR` of this operator, though its "
        "finalizer is on the object. The Event comes again when the object is deleted and no operator reports on it.",
        "Put the label back, or run the operator whose selector it matches. Then the deletion ends.",
    ),
    "CannotWriteToKubernetes": Row(
        "The API server refused to store what the operator wrote to the object. The message has its sentence.",
        "See [Rights, the CRD and the API server](troubleshooting.md#rights-the-crd-and-the-api-server).",
    ),
    "SecretNameNotListed": Row(
        "On a Secret that came into use, and on its object: the Secret's name is not in the chart's list. If the "
        "namespace is deleted, it waits for a person.",
        "Add the name to `rbac.secretNames` of the chart; see [Some namespaces only](install.md#some-namespaces-only).",
    ),
    "CredentialsInUse": Row(
        "On a Secret that is being deleted: objects need it. The message names them.",
        "Delete those objects first; the Secret goes when their endpoints are gone. Or [replace the "
        "key](troubleshooting.md#replacing-a-secret). A Secret that lost its label while no operator was running keeps "
        "the finalizer `tokenfactory.nebius.com/in-use`: put the label back.",
    ),
}
PAGE: Final = """\
# Events

<!-- Generated by `make docs` from the operator's code and hack/docsite/events.py: do not edit. -->

Each change of state is one Event and one line of the log. Its reason is that of the [condition](conditions.md):

- Something newly stands in the way (`Synced` becomes `False`), or a person is newly asked (`Stalled`). This is a
  warning.
- The object becomes `Ready`: *Ready is True: …*, with the reason `Available` or `Stopped`.
- The object stops being `Ready`: *Ready is False: …*. This is a warning, unless the spec was edited or the object is
  being deleted.

A state that lasts is not reported again. A restart of the operator repeats nothing. Besides these:

| Event | What has happened | What you do |
|---|---|---|
{rows}
"""


def render() -> str:
    """The page, as Markdown.

    Raises:
        UnknownEventError: the code emits an Event that has no row, or a row has an Event that no code emits.
    """
    if differing := emitted().symmetric_difference(ROWS):
        raise UnknownEventError(f"in the code or in hack/docsite/events.py, but not in both: {sorted(differing)}")
    return PAGE.format(rows="\n".join(f"| `{event}` | {row.happened} | {row.you} |" for event, row in ROWS.items()))
