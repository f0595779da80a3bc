"""The spec in the cloud's terms: the body of a POST, and the values that the spec insists on."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.api.v1alpha1 import Spec
from tokenfactory_operator.domain.identity import (
    Identity,
    OwnerMark,
    described,
    display_name,
    subject,
    text_without_marks,
)
from tokenfactory_operator.domain.observed import EndpointCreate, ObservedEndpoint
from tokenfactory_operator.domain.resource import Resource


def owner_mark(resource: Resource, identity: Identity, attempt: str) -> OwnerMark:
    """The mark that an endpoint of this object carries."""
    return OwnerMark(identity, subject(resource.namespace, resource.name), attempt)


def create_body(resource: Resource, spec: Spec, mark: OwnerMark) -> EndpointCreate:
    """The POST for this object; what the spec leaves out and the vendor does not require is not sent."""
    return EndpointCreate(
        name=spec.display_name or display_name(resource.namespace, resource.name),
        description=described(spec.description or "", mark),
        model_name=spec.model,
        flavor_name=spec.flavor,
        gpu_type=spec.gpu.type,
        gpu_count=spec.gpu.count,
        region=spec.region,
        min_replicas=spec.scaling.min_replicas,
        max_replicas=spec.scaling.max_replicas,
        custom_weights_id=spec.custom_weights_id or None,
        routing_key=spec.routing_key,
    )


def description_for(spec: Spec, observed: ObservedEndpoint, mark: OwnerMark) -> str:
    """The description that the endpoint should have: the spec's text, or the cloud's where the spec has none."""
    text = spec.description if spec.description is not None else text_without_marks(observed.description)
    return described(text, mark)


SERVED_REGIONS: Final = frozenset(
    {"eu-north1", "eu-west1", "eu-west2", "me-west1", "uk-south1", "us-central1", "us-north1"}
)
"""Regions whose address is known (vendor's page on the data plane, and hosts seen in use)."""


def inference_url(region: str) -> str | None:
    """Base URL for OpenAI-compatible clients; `None` for a region whose address is not known: keys are sent there."""
    if region not in SERVED_REGIONS:
        return None
    host = "api.tokenfactory" if region == "eu-north1" else f"api.tokenfactory.{region}"
    return f"https://{host}.nebius.com/v1"
