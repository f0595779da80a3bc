"""Everything about the simulated cloud that a user or test can choose, also while it runs.

Defaults are fast, for tests; the command line's are slow enough to watch. Durations are seconds, or text such as
`200ms`, `4s`, `5m`.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tokenfactory_simulator.catalog import Details
from tokenfactory_simulator.lifecycle import Timing

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: object) -> object:
    """Seconds from text such as `4s`; anything else is left to the model's own validation.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", value.strip())
    if not found:
        raise ValueError(f"{value!r} is no duration; give seconds, or a number with ms, s, m or h")
    return float(found[1]) * _UNITS[found[2] or "s"]


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
Form = Literal["wrapped", "flat"]
PoolName = Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]


class Settings(BaseModel):
    """How the cloud behaves. Replaced as a whole by `configure`, so whoever cached against it sees the change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provisioning_time: Duration = Field(0.2, description="from GPUs granted to the first replica ready")
    replica_interval: Duration | None = Field(None, description="between further replicas; a quarter of provisioning")
    update_time: Duration | None = Field(None, description="how long a PATCH rolls out; half of provisioning")
    stopping_time: Duration | None = Field(None, description="from stopping to stopped; half of provisioning")

    capacity: dict[PoolName, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="GPUs per `region/gpu_type`; a pool that is not named has no limit"
    )
    quotas: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="reserved GPUs (count x min_replicas) per project; `*` is for all others"
    )
    quota_status: Literal[403, 409, 429] = Field(403, description="the code that an exceeded quota answers")
    unique_routing_keys: bool = Field(False, description="refuse a routing key that is in use with 409")

    rate_limit: Annotated[float, Field(gt=0)] | None = Field(None, description="requests per second and token")
    rate_burst: Annotated[int, Field(ge=1)] | None = Field(None, description="calls at once; the rate rounded up")

    answer_form: Form = Field("wrapped", description="POST: `{endpoint: …}` or the endpoint itself")
    update_answer_form: Form = Field("flat", description="PATCH, likewise")
    id_field: Literal["id", "endpoint_id"] = "id"
    deployment_status: bool = Field(True, description="false: the older answers with `ready_replicas` only")
    templates_form: Literal["data", "templates"] = Field("data", description="`templates` is the older form")
    template_details: Details = Field("configurations", description="how a template tells what goes together")
    error_form: Literal["detail", "openai"] = "detail"
    get_by_id: Literal[200, 404, 405] = Field(200, description="whether the undocumented GET by id exists")
    delete_status: Literal[200, 204] = 204
    paging: Literal["none", "token", "after"] = Field("none", description="`next_page_token`, or `has_more` + `after`")
    page_size: Annotated[int, Field(ge=1)] = 100

    def timing(self) -> Timing:
        """The lifecycle's times, in seconds, with those left out derived from the provisioning time."""
        base = self.provisioning_time
        return Timing(
            provisioning=base,
            replica_interval=base / 4 if self.replica_interval is None else self.replica_interval,
            update=base / 2 if self.update_time is None else self.update_time,
            stopping=base / 2 if self.stopping_time is None else self.stopping_time,
        )
