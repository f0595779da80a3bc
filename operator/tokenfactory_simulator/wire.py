"""The bodies that the API accepts, as strictly as the vendor's description allows.

Unknown fields are refused (so `enabled` on create, and `model_name`, `flavor_name`, `region` in an update, are 422),
types are not coerced, and `null` is no value. Answers never pass through here.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tokenfactory_simulator.catalog import Flavor, Model

Name = Annotated[str, Field(min_length=1, max_length=100)]
Description = Annotated[str, Field(max_length=500)]
GpuCount = Annotated[int, Field(ge=1)]
RoutingKey = Annotated[str, Field(min_length=11, max_length=128, pattern=r"^dedicated/")]
WeightsId = Annotated[str, Field(pattern=r"^model-artifact_.+")]
WeightsIdOrUnset = Annotated[str, Field(pattern=r"^(UNSET|model-artifact_.+)$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null_not_allowed", "Input should not be null; leave the field out")
        return value

    def fields(self) -> dict[str, Any]:
        """What was given, by the names of `Endpoint`."""
        given = self.model_dump(exclude_unset=True)
        given.update(given.pop("scaling", {}))
        if given.get("custom_weights_id") == "UNSET":
            given["custom_weights_id"] = None
        return given


class Scaling(_Body):
    """Both bounds, always together."""

    min_replicas: Annotated[int, Field(ge=1)]
    max_replicas: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise PydanticCustomError(
                "greater_than_equal",
                "max_replicas should be greater than or equal to min_replicas ({min_replicas})",
                {"min_replicas": self.min_replicas},
            )
        return self


class CreateRequest(_Body):
    """Body of POST."""

    name: Name
    description: Description | None = None
    model_name: str
    flavor_name: str
    gpu_type: str
    gpu_count: GpuCount
    region: str
    scaling: Scaling
    custom_weights_id: WeightsId | None = None
    routing_key: RoutingKey | None = None
    reservation_policy: str | None = None


class UpdateRequest(_Body):
    """Body of PATCH: only the fields given are changed."""

    name: Name | None = None
    description: Description | None = None
    gpu_type: str | None = None
    gpu_count: GpuCount | None = None
    scaling: Scaling | None = None
    enabled: bool | None = None
    custom_weights_id: WeightsIdOrUnset | None = None
    routing_key: RoutingKey | None = None


class ConsoleChange(BaseModel):
    """What the vendor's own console may do: any field, unchecked."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    routing_key: str | None = None
    model_name: str | None = None
    flavor_name: str | None = None
    region: str | None = None
    gpu_type: str | None = None
    gpu_count: GpuCount | None = None
    custom_weights_id: str | None = None
    reservation_policy: str | None = None
    min_replicas: Annotated[int, Field(ge=0)] | None = None
    max_replicas: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _flatten_scaling(cls, given: Any) -> Any:  # noqa: ANN401 - raw JSON comes in, whatever it is
        if isinstance(given, dict) and isinstance(given.get("scaling"), dict):
            rest = {name: value for name, value in given.items() if name != "scaling"}
            return {**rest, **given["scaling"]}
        return given

    def fields(self) -> dict[str, Any]:
        """What was given, by the names of `Endpoint`; null only where an endpoint can lack the field."""
        given = self.model_dump(exclude_unset=True, exclude={"project"})
        nullable = {"description", "custom_weights_id", "reservation_policy"}
        return {name: value for name, value in given.items() if value is not None or name in nullable}


class ConsoleCreate(ConsoleChange):
    """A new endpoint made in the console; what is left out has a default."""

    project: str | None = None


class ConsoleState(BaseModel):
    """A state set by hand: any text, so that a value from the future can be shown."""

    model_config = ConfigDict(extra="forbid")

    status: str = "error"
    readiness: str = "not_ready"
    ready_replicas: Annotated[int, Field(ge=0)] | None = None


class FlavorOffer(BaseModel):
    """The combinations of one flavor."""

    model_config = ConfigDict(extra="forbid")

    gpu_types: list[str]
    gpu_counts: list[int]
    regions: list[str]
    max_replicas: int = 64


class ModelOffer(BaseModel):
    """A model to put into the catalog."""

    model_config = ConfigDict(extra="forbid")

    name: str
    flavors: dict[str, FlavorOffer]

    def model(self) -> Model:
        """As the catalog holds it."""
        return Model(
            self.name,
            {
                name: Flavor(tuple(offer.gpu_types), tuple(offer.gpu_counts), tuple(offer.regions), offer.max_replicas)
                for name, offer in self.flavors.items()
            },
        )
