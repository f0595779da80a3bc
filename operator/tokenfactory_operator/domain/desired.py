"""The spec in the cloud's terms: the body of a POST, and the values that the spec insists on."""

from __future__ import annotations

from collections.abc import Mapping
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


INFERENCE_HOSTS: Final[Mapping[str, str]] = {
    "eu-north1": "api.tokenfactory.nebius.com",
    "eu-west1": "api.tokenfactory.eu-west1.nebius.com",
    "eu-west2": "api.tokenfactory.eu-west2.nebius.com",
    "me-west1": "api.tokenfactory.me-west1.nebius.com",
    "uk-south1": "api.tokenfactory.uk-south1.nebius.com",
    "us-central1": "api.tokenfactory.us-central1.nebius.com",
    "us-north1": "api.tokenfactory.us-north1.nebius.com",
}
"""Region → host of its inference API, as far as known (vendor's page on the data plane, and hosts seen in use).

A setting may have an address with `http://` in place of a host, for a simulator on the own machine.
"""


def inference_url(region: str, hosts: Mapping[str, str] = INFERENCE_HOSTS) -> str | None:
    """Base URL for OpenAI-compatible clients; `None` for a region that `hosts` has not: keys are sent there."""
    host = hosts.get(region)
    if not host:
        return None
    return f"{host}/v1" if "://" in host else f"https://{host}/v1"
