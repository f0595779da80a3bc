"""Every setting, once: its name, default, bounds, group and meaning, and which of them contradict each other (`order`).

Only what some part of the operator reads stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Final, Self

from pydantic import Field, model_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tokenfactory_operator.credentials.places import Limits
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.desired import INFERENCE_HOSTS
from tokenfactory_operator.leader.lease import LeaseTerms
from tokenfactory_operator.ports import Timing
from tokenfactory_operator.settings.durations import format_duration
from tokenfactory_operator.settings.names import ENV_PREFIX, both_spellings
from tokenfactory_operator.settings.order import out_of_order
from tokenfactory_operator.settings.tokens import FixedToken, TokenFile, TokenSource
from tokenfactory_operator.settings.values import (
    Address,
    AdoptionRecreated,
    ApiUrl,
    ClusterId,
    Count,
    FilePath,
    Hosts,
    ListenAddress,
    LogFormat,
    LogLevel,
    Name,
    Namesakes,
    Namespaces,
    NamespacesOrAll,
    OptionalName,
    OptionalSeconds,
    ProjectId,
    Rate,
    Seconds,
    SecretNames,
    Selector,
    Switch,
    Token,
    TokenPath,
    host_table,
)

CLOUD: Final[JsonDict] = {"group": "Cloud"}
SCOPE: Final[JsonDict] = {"group": "Scope"}
ELECTION: Final[JsonDict] = {"group": "Leader election"}
TIMES: Final[JsonDict] = {"group": "Times"}
LIMITS: Final[JsonDict] = {"group": "Limits"}
TELEMETRY: Final[JsonDict] = {"group": "Telemetry"}

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR


def _covers(names: tuple[str, ...], namespace: str) -> bool:
    return "*" in names or namespace in names


class Settings(BaseSettings):
    """The operator's settings. Flags beat the environment; `load_settings` turns what is wrong into one message."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, hide_input_in_errors=True, extra="forbid")

    api_url: ApiUrl = Field(
        "https://api.tokenfactory.nebius.com",
        description="Address of the Token Factory API. The token is sent here.",
        json_schema_extra=CLOUD,
    )
    token_file: TokenPath = Field(
        None,
        description="File with the API token. It is read again when it changes. Give this or the token itself.",
        json_schema_extra=CLOUD,
    )
    token: Token = Field(
        None,
        description="The API token itself. A file is better: a mounted Secret can be rotated.",
        json_schema_extra=CLOUD,
    )
    project_id: ProjectId = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]{1,128}$",
        description="Project of the organisation. Default: the token's own.",
        json_schema_extra=CLOUD,
    )
    ca_file: FilePath = Field(
        None, description="PEM file with more certificate authorities to trust for the API.", json_schema_extra=CLOUD
    )
    request_timeout: Seconds = Field(
        60.0,
        ge=0.1,
        le=600.0,
        description="Longest time of one API request, from its first byte to the last byte of its answer.",
        json_schema_extra=CLOUD,
    )

    inference_hosts: Hosts = Field(
        tuple(f"{region}={host}" for region, host in INFERENCE_HOSTS.items()),
        description="Host of the inference API of each region, for status.inferenceURL. A value replaces the whole"
        " table. An endpoint in another region has no address in its status.",
        json_schema_extra=CLOUD,
    )

    cluster_id: ClusterId = Field(
        None,
        pattern=r"^[a-z0-9-]{1,32}$",
        description="Name of this cluster in the owner marks of its endpoints. No two clusters with one project may"
        " have the same. Default: the first 8 hex digits of the uid of the namespace kube-system.",
        json_schema_extra=SCOPE,
    )
    watch_namespaces: Namespaces = Field(
        (), description="Namespaces whose objects are reconciled.", json_schema_extra=SCOPE
    )
    operator_credential_namespaces: NamespacesOrAll = Field(
        ("*",),
        description="Namespaces whose objects may use the operator's own token. Objects of other namespaces have to"
        " name a Secret in spec.credentials.",
        json_schema_extra=SCOPE,
    )
    secret_credentials: Switch = Field(
        False,
        description="Whether objects may name a labelled Secret in spec.credentials. The operator then needs the right"
        " to read Secrets. RBAC cannot limit that right to labelled Secrets.",
        json_schema_extra=SCOPE,
    )
    secret_names: SecretNames = Field(
        (),
        description="Names of Secrets that the operator may read and patch in every namespace (chart:"
        " rbac.secretNames). It needs this when a watched namespace is deleted: the Role there goes first.",
        json_schema_extra=SCOPE,
    )
    connection_config_maps: Switch = Field(
        False,
        description="Whether objects may have a ConfigMap made for applications (spec.connection). The operator then"
        " needs the right to read, create and patch ConfigMaps.",
        json_schema_extra=SCOPE,
    )
    adoption_namespaces: NamespacesOrAll = Field(
        (),
        description="Namespaces whose objects may adopt an endpoint by spec.endpointId with the operator's own token."
        " With its own Secret any namespace may adopt. An endpoint of an earlier object of the same name may"
        " always be adopted.",
        json_schema_extra=SCOPE,
    )
    adoption_recreated: AdoptionRecreated = Field(
        "Conflict",
        description="What the operator does with an endpoint of an earlier object of the same name: report a conflict,"
        " or adopt the endpoint.",
        json_schema_extra=SCOPE,
    )
    namesakes: Namesakes = Field(
        "Create",
        description="What the operator does where the cloud lists an endpoint of an object of the same namespace and"
        " name in another cluster: create another one and say so, or report a conflict. Conflict is safer for a"
        " project that a single cluster uses.",
        json_schema_extra=SCOPE,
    )
    object_selector: Selector = Field(
        None, description="Labels that an object must have to be reconciled.", json_schema_extra=SCOPE
    )

    leader_election: Switch = Field(
        True,
        description="Whether several processes elect the one that acts. Set it to false only for a single process.",
        json_schema_extra=ELECTION,
    )
    lease_namespace: OptionalName = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Namespace of the Lease. Default: the operator's own.",
        json_schema_extra=ELECTION,
    )
    lease_name: Name = Field(
        "tokenfactory-operator",
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        description="Name of the Lease. All processes that may work on the same objects need the same one.",
        json_schema_extra=ELECTION,
    )
    lease_duration: Seconds = Field(
        15.0,
        ge=1.0,
        le=HOUR,
        description="Time after which another process may lead when the leader has stopped renewing the Lease.",
        json_schema_extra=ELECTION,
    )
    lease_renew_deadline: OptionalSeconds = Field(
        None,
        ge=0.5,
        le=HOUR,
        description="Time without a renewal after which the leader ends itself. Default: two thirds of the duration.",
        json_schema_extra=ELECTION,
    )
    lease_retry_period: OptionalSeconds = Field(
        None,
        ge=0.05,
        le=HOUR,
        description="Time between two renewals, and the longest time of one. Default: two fifteenths of the duration.",
        json_schema_extra=ELECTION,
    )

    poll_interval: Seconds = Field(
        30.0,
        ge=0.1,
        le=HOUR,
        description="Time between two lists of the cloud while nothing changes.",
        json_schema_extra=TIMES,
    )
    poll_interval_in_transition: Seconds = Field(
        5.0,
        ge=0.05,
        le=HOUR,
        description="Longest time between two lists of the cloud in the ten minutes after a change.",
        json_schema_extra=TIMES,
    )
    inventory_max_age: Seconds = Field(
        600.0,
        ge=0.3,
        le=DAY,
        description="Ready becomes Unknown when the last successful list of the cloud is older than this.",
        json_schema_extra=TIMES,
    )
    create_settle: Seconds = Field(
        60.0,
        ge=0.1,
        le=HOUR,
        description="An endpoint counts as absent when no list has shown it for this time.",
        json_schema_extra=TIMES,
    )
    delete_settle: Seconds = Field(
        600.0,
        ge=0.1,
        le=DAY,
        description="The same as create-settle, for an object that is deleted while the outcome of its create call is"
        " unknown.",
        json_schema_extra=TIMES,
    )
    lost_settle: Seconds = Field(
        600.0,
        ge=0.1,
        le=DAY,
        description="The same as create-settle, for an endpoint that the status names, while the list shows no other"
        " endpoint that was known before. It is also the shortest time between two recreations.",
        json_schema_extra=TIMES,
    )
    send_deadline: Seconds = Field(
        5.0,
        ge=0.1,
        le=60.0,
        description="Longest time between writing a create attempt into the status and sending its request.",
        json_schema_extra=TIMES,
    )

    correction_pause: Seconds = Field(
        10.0,
        ge=0.1,
        le=HOUR,
        description="Time before the second correction of the same field. It doubles with each correction.",
        json_schema_extra=TIMES,
    )

    concurrency: Count = Field(
        20,
        ge=1,
        le=1_000,
        description="Number of objects of one credential that are reconciled at the same time, three quarters of it at"
        " most for one namespace.",
        json_schema_extra=LIMITS,
    )
    credentials_per_namespace: Count = Field(
        10,
        ge=1,
        le=10_000,
        description="Number of different credentials (a token and a project each) that the objects of one namespace may"
        " name. Each has a list of the cloud of its own.",
        json_schema_extra=LIMITS,
    )
    credentials_in_all: Count = Field(
        500,
        ge=1,
        le=10_000,
        description="Number of different credentials that all objects together may name, besides the operator's own.",
        json_schema_extra=LIMITS,
    )
    rate_limit: Rate = Field(
        20.0,
        ge=0.1,
        le=1_000.0,
        description="Most API requests per second for one credential.",
        json_schema_extra=LIMITS,
    )

    metrics_address: Address = Field(
        ListenAddress(None, 8080),
        description="Address where /metrics is served. It may be the same as the health address.",
        json_schema_extra=TELEMETRY,
    )
    health_address: Address = Field(
        ListenAddress(None, 8081),
        description="Address where /livez, /readyz and /healthz are served.",
        json_schema_extra=TELEMETRY,
    )
    log_format: LogFormat = Field(
        "json", description="Format of the log lines on standard error.", json_schema_extra=TELEMETRY
    )
    log_level: LogLevel = Field(
        "info", description="Lowest severity of the log lines that are written.", json_schema_extra=TELEMETRY
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, and nothing else: no dotenv file of the working directory."""
        return (init_settings, env_settings)

    @model_validator(mode="after")
    def _contradictions(self) -> Self:
        problems = out_of_order(self)
        names = f"{both_spellings('token_file')} and {both_spellings('token')}"
        if self.token is not None and self.token_file is not None:
            problems.append(f"{names} are both given; accepted: one of them")
        if self.token is None and self.token_file is None:
            problems.append(f"{names} are both missing; accepted: one of them")
        terms = self.lease_terms()
        if terms.renew_deadline + 2 * terms.retry_period > terms.acts_for + 1e-9:
            problems.append(
                f"{both_spellings('lease_renew_deadline')} is {format_duration(terms.renew_deadline)} and"
                f" {both_spellings('lease_retry_period')} is {format_duration(terms.retry_period)}; accepted: the"
                " former and twice the latter are together at most 14/15 of the lease's duration, which is"
                f" {format_duration(terms.duration)}, because the leader has to end before another one may begin"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def policy(self, namespace: str, *, own_credential: bool) -> Policy:
        """What objects of `namespace` may do; with a key of their own they may adopt whatever that key reaches."""
        return Policy(
            may_adopt=not own_credential or _covers(self.adoption_namespaces, namespace),
            adopt_recreated=self.adoption_recreated == "Adopt",
            hold_namesakes=self.namesakes == "Conflict",
            inference_hosts=host_table(self.inference_hosts),
        )

    def may_use_own_credential(self, namespace: str) -> bool:
        """Whether objects of `namespace` may use the operator's own credential."""
        return _covers(self.operator_credential_namespaces, namespace)

    def lease_terms(self) -> LeaseTerms:
        """The times of the election."""
        duration = self.lease_duration
        return LeaseTerms(
            duration=duration,
            renew_deadline=self.lease_renew_deadline or duration * 2 / 3,
            retry_period=self.lease_retry_period or duration * 2 / 15,
        )

    def limits(self) -> Limits:
        """How many credentials the objects may have."""
        return Limits(per_namespace=self.credentials_per_namespace, in_all=self.credentials_in_all)

    def timing(self) -> Timing:
        """The protocol's times, for the decision."""
        return Timing(**{field.name: getattr(self, field.name) for field in fields(Timing)})

    def token_source(self, on_read: Callable[[str], None] | None = None) -> TokenSource:
        """The operator's own token; `on_read` is told each value before its first use, so that logs can hide it."""
        if self.token_file is not None:
            return TokenFile(self.token_file, on_read=on_read)
        if self.token is None:  # unreachable for a validated model; says so to the type checker
            raise AssertionError
        if on_read is not None:
            on_read(self.token.get_secret_value())
        return FixedToken(self.token)
