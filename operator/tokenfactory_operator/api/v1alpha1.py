"""The ``DedicatedEndpoint`` resource as data: the single source of the CRD in ``crds/`` and of what is parsed.

Parsing forgives where forgiving is safe: fields of a newer CRD are ignored, and whatever the cloud said is kept in the
status as a free string. A spec is held to the limits that the API server holds it to, so a file can be checked offline.
This module must not know the cloud's wire format, Kubernetes clients or any decision.
"""

import unicodedata
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

GROUP: Final = "tokenfactory.nebius.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "DedicatedEndpoint"
PLURAL: Final = "dedicatedendpoints"
SINGULAR: Final = "dedicatedendpoint"
SHORT_NAME: Final = "dep"
CATEGORY: Final = "tokenfactory"

FINALIZER: Final = f"{GROUP}/endpoint"
PAUSED: Final = f"{GROUP}/paused"
RECONCILE_REQUESTED_AT: Final = f"{GROUP}/reconcile-requested-at"
FORCE_RELEASE: Final = f"{GROUP}/force-release"
IGNORE_CATALOG: Final = f"{GROUP}/ignore-catalog"
CREDENTIALS_LABEL: Final = f"{GROUP}/credentials"
SECRET_KEY: Final = "token"  # noqa: S105 - a name
"""Key of such a Secret, where the object names no other."""
IN_USE: Final = f"{GROUP}/in-use"
"""Finalizer of a Secret that objects need to delete their endpoints."""

RESERVED_TEXT: Final = "[k8s"
"""What no ``spec.description`` may contain: the head of the owner mark and of the released mark, ``[k8s-released ``."""
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters that show nothing (Unicode: Default_Ignorable_Code_Point)."""
ROUTING_KEY_PREFIX: Final = "dedicated/"
UNOBSERVED_GENERATION: Final = -1
"""``status.observedGeneration`` of an object that nothing has judged yet; without it kstatus calls it Current."""

DNS_LABEL: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
DNS_SUBDOMAIN: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
LONGEST_NAME: Final = 253
"""Characters of an object's name (Kubernetes: object names, DNS subdomain names)."""
CONFIG_KEY: Final = r"^[-._a-zA-Z0-9]+$"
VISIBLE: Final = "^[!-~]+$"
"""ASCII without white space, spelt out: the shorthand for it means one thing to the API server (RE2) and another to
pydantic, and what one takes and the other refuses is an object that cannot be read."""
PATH_SEGMENT: Final = r"^[A-Za-z0-9][A-Za-z0-9._~:-]*$"
"""The id becomes a segment of a URL path: nothing in it may leave that segment."""


class DeletionPolicy(StrEnum):
    """What happens to the cloud's endpoint when the resource is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class ManagementPolicy(StrEnum):
    """Whether the operator may change the cloud."""

    MANAGE = "Manage"
    OBSERVE = "Observe"


def _as_a_cloud_may_keep_it(text: str) -> str:
    """Without the characters that nobody sees, and with the plain form of those that have one."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(each for each in plain if unicodedata.category(each)[0] not in "CM" and each not in _FILLERS)


def _without_reserved_text(value: str) -> str:
    if RESERVED_TEXT in _as_a_cloud_may_keep_it(value):
        raise ValueError(f'must not contain "{RESERVED_TEXT}", which marks the owner of an endpoint')
    return value


def _with_routing_prefix(value: str) -> str:
    if not value.startswith(ROUTING_KEY_PREFIX):
        raise ValueError(f'must start with "{ROUTING_KEY_PREFIX}"')
    return value


Description = Annotated[str, Field(max_length=300), AfterValidator(_without_reserved_text)]
DnsSubdomain = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=DNS_SUBDOMAIN)]
EndpointId = Annotated[str, Field(min_length=1, max_length=128, pattern=PATH_SEGMENT)]
Positive = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
RoutingKey = Annotated[str, Field(min_length=11, max_length=128), AfterValidator(_with_routing_prefix)]
Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339. The operator's own clock only: times of the cloud stay free strings, as the API server would check them."""


class ApiModel(BaseModel):
    """What all parts of the resource share: camelCase on the wire, immutable here, strangers ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        frozen=True,
        extra="ignore",
    )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields under their Kubernetes names; what is ``None`` is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Gpu(ApiModel):
    """The GPUs of one replica."""

    type: str = Field(
        min_length=1,
        max_length=63,
        pattern=DNS_LABEL,
        description="GPU type as the model's template names it, such as gpu-h100-sxm. May be changed.",
    )
    count: Positive = Field(
        description="GPUs per replica, at least 1. The largest bill is count times scaling.maxReplicas GPUs."
    )


class Scaling(ApiModel):
    """Between how many replicas the cloud scales."""

    min_replicas: Positive = Field(
        default=1,
        description="Reserved replicas, billed while the endpoint is enabled; at least 1. Leave it out to let kubectl "
        "scale, an HPA or KEDA own it. To run none, set enabled: false.",
    )
    max_replicas: Positive = Field(
        description="Most replicas the cloud may scale to, at least minReplicas. Those above minReplicas are best "
        "effort and billed while they run."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError("minReplicas must not be greater than maxReplicas")
        return self


class SecretRef(ApiModel):
    """A key of a Secret in the object's own namespace."""

    name: DnsSubdomain = Field(
        description=f'Name of a Secret in the same namespace that carries the label {CREDENTIALS_LABEL}: "true".'
    )
    key: str = Field(
        default=SECRET_KEY,
        min_length=1,
        max_length=253,
        pattern=CONFIG_KEY,
        description="Key of the Secret that holds the API key.",
    )


class Credentials(ApiModel):
    """With whose rights, and for whose bill, the cloud is called."""

    secret_ref: SecretRef | None = Field(
        default=None, description="Where the API key is. Left out: the operator's own key."
    )
    project_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        pattern=VISIBLE,
        description="Project of the organisation that the endpoint belongs to. Needs secretRef.",
    )

    @model_validator(mode="after")
    def _project_with_secret(self) -> Self:
        if self.project_id is not None and self.secret_ref is None:
            raise ValueError("projectId needs secretRef")
        return self


class Connection(ApiModel):
    """Where applications find the endpoint."""

    config_map_name: DnsSubdomain | None = Field(
        default=None,
        description="ConfigMap of the same namespace that the operator makes for applications: the URL, the model name "
        "to send, endpoint id and region. Left out: <name>-connection.",
    )


class Spec(ApiModel):
    """The desired endpoint. An optional field that is omitted is never changed in the cloud."""

    model: str = Field(
        min_length=1,
        max_length=253,
        pattern=VISIBLE,
        description="Name of the template to serve, such as openai/gpt-oss-120b. Immutable "
        "once a create call was sent.",
    )
    flavor: str = Field(
        min_length=1,
        max_length=63,
        pattern=VISIBLE,
        description="Flavor of that template, such as base or fast. Immutable once a create call was sent.",
    )
    region: str = Field(
        min_length=1,
        max_length=63,
        pattern=DNS_LABEL,
        description="Region that serves the endpoint, such as eu-north1; it becomes part of a host name. Immutable "
        "once a create call was sent.",
    )
    gpu: Gpu = Field(description="The GPUs of one replica.")
    scaling: Scaling = Field(description="Between how many replicas the cloud scales.")
    enabled: StrictBool | None = Field(
        default=None,
        description="false stops the endpoint: it keeps its id and routing key and is not billed. Nothing is created "
        "while false. Left out: as the cloud has it.",
    )
    display_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Name shown in the cloud's console, 1 to 100 characters, not unique. Left out: created as "
        "<namespace>/<name>.",
    )
    description: Description | None = Field(
        default=None,
        description=f'Text shown in the cloud\'s console, at most 300 characters, without "{RESERVED_TEXT}": the '
        "operator appends a mark that names the owner. Left out: the cloud's text is kept.",
    )
    custom_weights_id: str | None = Field(
        default=None,
        max_length=128,
        pattern="^[!-~]*$",
        description='Own weights to serve, such as model-artifact_abc; "" goes back to the template\'s.',
    )
    routing_key: RoutingKey | None = Field(
        default=None,
        description='What applications send as model: 11 to 128 characters that start with "dedicated/". Once set it '
        "stays. Left out: the cloud makes one.",
    )
    endpoint_id: EndpointId | None = Field(
        default=None,
        description="Existing endpoint to adopt instead of creating one. Once set it stays; it can be added only while "
        "the object has no other endpoint.",
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="What happens to the endpoint when this object is deleted: Delete or Retain. Left out: Delete for "
        "an endpoint that was created, Retain for one that was adopted.",
    )
    management_policy: ManagementPolicy = Field(
        default=ManagementPolicy.MANAGE,
        description="Manage brings the cloud to this spec. Observe only reports and never changes the cloud; it needs "
        "endpointId or an endpoint that the object already has.",
    )
    credentials: Credentials | None = Field(
        default=None, description="With whose key the cloud is called. Left out: the operator's own."
    )
    connection: Connection | None = Field(
        default=None,
        description="Make a ConfigMap that tells applications how to call the endpoint; {} takes the default name.",
    )


class CreateAttempt(ApiModel):
    """The latest intention to create an endpoint."""

    id: str = Field(default="", description="Random id of the attempt, part of the owner mark.")
    state: str = Field(
        default="",
        description="Pending: its outcome is open. Refused: it made nothing. Created: it made the endpoint, as "
        "endpointOrigin says; kept for the previous version of the operator, which reads it here.",
    )
    since: str | None = Field(default=None, description="When the attempt was opened.")
    after_unknown: int | None = Field(
        default=None, description="How many attempts in a row before this one ended with an unknown outcome."
    )


class EndpointOrigin(ApiModel):
    """Where the endpoint that the status names comes from."""

    endpoint_id: str = Field(default="", description="The endpoint that this is about; of another one it says nothing.")
    attempt: str = Field(
        default="",
        description="Id of the attempt that made it; adopted, where it was taken over; restored, where that is not "
        "known any more.",
    )


class NotAccepted(ApiModel):
    """A field whose change the cloud accepted three times without effect."""

    field: str = Field(default="", description="Name of the field in the cloud.")
    observed: str = Field(default="", description="The value that the cloud goes on to have.")


class Gpus(ApiModel):
    """GPUs over all replicas."""

    ready: int | None = Field(default=None, description="GPUs of the replicas that are ready.")
    min: int | None = Field(default=None, description="GPUs reserved: count times minReplicas.")
    max: int | None = Field(default=None, description="Most GPUs that can be billed: count times maxReplicas.")


class ConnectionStatus(ApiModel):
    """The ConfigMap of `spec.connection`."""

    config_map_name: str | None = Field(
        default=None, description="The ConfigMap that says how to call the endpoint, once it is written."
    )
    reason: str | None = Field(
        default=None, description="Why it is not written: Conflict, NoAddress, NotWritten or Disabled."
    )
    message: str | None = Field(default=None, description="The same for people, and what to do.")


class Condition(ApiModel):
    """One condition, as the Kubernetes API conventions define it."""

    type: str = Field(description="What is judged: Ready, Synced, Serving, Reconciling or Stalled.")
    status: str = Field(default="Unknown", description="True, False or Unknown.")
    reason: str = Field(default="", description="Why, in one CamelCase word.")
    message: str = Field(default="", description="Why, and what to do, for people.")
    last_transition_time: Timestamp | None = Field(default=None, description="When the status last changed.")
    observed_generation: int | None = Field(default=None, description="The generation of the spec that was judged.")


class Status(ApiModel):
    """What was observed. A cache, never an authority: the cloud and its owner marks decide."""

    observed_generation: int | None = Field(
        default=None, description="The generation that the conditions describe; -1 before the first judgement."
    )
    uid: str | None = Field(default=None, description="Uid of the object this status is about; another's is ignored.")
    endpoint_id: str | None = Field(default=None, description="Id of the endpoint in the cloud.")
    scope: str | None = Field(default=None, description="Project, or a hash of the key, in which the endpoint lives.")
    routing_key: str | None = Field(default=None, description="What applications send as model.")
    inference_url: str | None = Field(
        default=None, alias="inferenceURL", description="Base URL for OpenAI-compatible clients."
    )
    created_at: str | None = Field(default=None, description="When the cloud created the endpoint, as it says.")
    create_attempt: CreateAttempt | None = Field(
        default=None,
        description="The latest intention to create an endpoint, kept so that a crash makes no second one.",
    )
    endpoint_origin: EndpointOrigin | None = Field(
        default=None, description="Where the endpoint that endpointId names comes from."
    )
    conflicting_endpoints: tuple[str, ...] | None = Field(
        default=None,
        description="Endpoints that stand in the way of this object and are left alone until a person decides.",
    )
    not_accepted: tuple[NotAccepted, ...] | None = Field(
        default=None, description="Differences that are not corrected any more, since no correction lasts."
    )
    state: str | None = Field(
        default=None, description="What the deployment is doing, such as Running; an unknown value is kept."
    )
    readiness: str | None = Field(
        default=None, description="Whether it takes traffic, such as Ready or PartiallyReady; an unknown value is kept."
    )
    replicas: int | None = Field(default=None, description="minReplicas that the cloud has accepted.")
    ready_replicas: int | None = Field(default=None, description="Replicas that are ready.")
    replica_summary: str | None = Field(
        default=None,
        description="For people: ready replicas / minReplicas - maxReplicas, as the cloud has them, such as 1/1-4.",
    )
    summary: str | None = Field(
        default=None, description="For people: the beginning of the message that matters most among the conditions."
    )
    selector: str | None = Field(
        default=None, description="Label selector of the scale subresource; matches no pod, as there is none."
    )
    gpus: Gpus | None = Field(default=None, description="GPUs over all replicas.")
    connection: ConnectionStatus | None = Field(
        default=None, description="What became of the ConfigMap that spec.connection asks for."
    )
    last_handled_reconcile_at: str | None = Field(
        default=None, description=f"Value of the annotation {RECONCILE_REQUESTED_AT} that was last handled."
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        description="Ready, Synced and Serving; Reconciling and Stalled while they are True.",
    )

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if there is one."""
        return next((item for item in self.conditions if item.type == kind), None)
