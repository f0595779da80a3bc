"""What the simulated vendor offers: models, flavors and the GPU combinations that each can have.

The models' names are real, the combinations are plausible samples. `Catalog.add` makes a new model known while the
simulator runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from tokenfactory_simulator.errors import InvalidError, problem

EVERYWHERE = ("eu-north1", "eu-west1", "us-central1")
L40S = ("gpu-l40s-a", "gpu-l40s-d")
HOPPER = ("gpu-h100-sxm", "gpu-h200-sxm")
BLACKWELL = ("gpu-b200-sxm", "gpu-b200-sxm-a", "gpu-b300-sxm")


Details = Literal["configurations", "configuration_lists", "lists", "combinations"]
"""Forms in which a template tells what goes together."""


@dataclass(frozen=True)
class Flavor:
    """Every GPU type, count (per replica) and region of it go together."""

    gpu_types: tuple[str, ...]
    gpu_counts: tuple[int, ...]
    regions: tuple[str, ...] = EVERYWHERE
    max_replicas: int = 64

    def details(self, form: Details) -> dict[str, Any]:
        """What a template tells about it, in one of the forms that were seen; the vendor's pages show none."""
        each = {
            "allowed_regions": self.regions,
            "allowed_gpu_counts": self.gpu_counts,
            "max_replicas_allowed": self.max_replicas,
        }
        if form == "configurations":
            return {"available_configurations": {"gpu_configurations": dict.fromkeys(self.gpu_types, each)}}
        if form == "configuration_lists":
            return {"gpu_configurations": [{"gpu_type": kind, **each} for kind in self.gpu_types]}
        if form == "lists":
            return {"gpu_types": self.gpu_types, "gpu_counts": self.gpu_counts, "regions": self.regions}
        every = product(self.gpu_types, self.gpu_counts, self.regions)
        return {"combinations": [{"gpu_type": kind, "gpu_count": count, "region": at} for kind, count, at in every]}


@dataclass(frozen=True)
class Model:
    """One template."""

    name: str
    flavors: Mapping[str, Flavor]
    context_window_k: int = 128
    size_b: int = 70
    license: str = "apache-2.0"

    def metadata(self) -> dict[str, Any]:
        """The template's description for people."""
        page = f"https://huggingface.co/{self.name}"
        return {
            "vendor": self.name.partition("/")[0],
            "context_window_k": self.context_window_k,
            "size_b": self.size_b,
            "huggingface_url": page,
            "license": {"url": f"{page}/blob/main/LICENSE", "name": self.license},
        }


def sample_models() -> tuple[Model, ...]:
    """The catalog that the simulator starts with."""
    return (
        Model(
            "openai/gpt-oss-120b",
            {"base": Flavor(HOPPER, (1, 2, 4, 8)), "fast": Flavor((*HOPPER, *BLACKWELL), (2, 4, 8))},
            size_b=117,
        ),
        Model("openai/gpt-oss-20b", {"base": Flavor((*L40S, *HOPPER), (1, 2))}, size_b=21),
        Model(
            "Qwen/Qwen3-235B-A22B-Instruct-2507",
            {"base": Flavor(HOPPER, (4, 8)), "fast": Flavor(BLACKWELL, (4, 8), ("eu-north1", "us-central1"))},
            context_window_k=256,
            size_b=235,
        ),
        Model("Qwen/Qwen3-32B", {"base": Flavor(HOPPER, (1, 2)), "fast": Flavor(HOPPER, (2, 4))}, 40, 32),
        Model(
            "meta-llama/Llama-3.3-70B-Instruct",
            {"base": Flavor(HOPPER, (2, 4)), "fast": Flavor(("gpu-h200-sxm",), (4, 8))},
            license="llama3.3",
        ),
        Model(
            "deepseek-ai/DeepSeek-V3.1",
            {"base": Flavor(("gpu-h200-sxm", *BLACKWELL), (8,), ("eu-north1", "us-central1", "me-west1"))},
            size_b=671,
            license="mit",
        ),
    )


@dataclass
class Catalog:
    """The models on offer, by name."""

    models: dict[str, Model] = field(default_factory=lambda: {model.name: model for model in sample_models()})

    def add(self, model: Model) -> None:
        """Offer a model, or offer it differently."""
        self.models[model.name] = model

    def templates(self, *, legacy: bool, form: Details) -> list[dict[str, Any]]:
        """The templates as JSON; the older form has `template_name` and a list of flavors."""
        listed = []
        for model in self.models.values():
            details = {name: part.details(form) for name, part in model.flavors.items()}
            flavors: Any = details
            if legacy or form == "configuration_lists":
                flavors = [{"flavor_name" if legacy else "name": name, **part} for name, part in details.items()]
            name_field = "template_name" if legacy else "name"
            listed.append({name_field: model.name, "type": "llm", "metadata": model.metadata(), "flavors": flavors})
        return listed

    def check(self, wanted: Mapping[str, Any]) -> None:
        """Refuse what is not on offer.

        Raises:
            InvalidError: model, flavor, GPU type, GPU count or region does not go with the others.
        """
        model = self.models.get(wanted["model_name"])
        if model is None:
            raise InvalidError([_unknown("model_name", wanted, self.models)])
        flavor = model.flavors.get(wanted["flavor_name"])
        if flavor is None:
            raise InvalidError([_unknown("flavor_name", wanted, model.flavors)])
        allowed = {"gpu_type": flavor.gpu_types, "gpu_count": flavor.gpu_counts, "region": flavor.regions}
        if wanted["max_replicas"] > flavor.max_replicas:
            raise InvalidError([_too_many(wanted["max_replicas"], flavor.max_replicas)])
        if wrong := [_unknown(name, wanted, values) for name, values in allowed.items() if wanted[name] not in values]:
            raise InvalidError(wrong)


def _too_many(given: int, most: int) -> dict[str, Any]:
    return problem("max_replicas", given, f"max_replicas {given} is too many; at most {most}", expected=str(most))


def _unknown(
    name: str, wanted: Mapping[str, Any], allowed: Mapping[str, object] | tuple[object, ...]
) -> dict[str, Any]:
    expected = ", ".join(str(value) for value in allowed)
    return problem(
        name, wanted[name], f"{name} {wanted[name]!r} is not available; use one of: {expected}", expected=expected
    )
