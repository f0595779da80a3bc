"""Where cloud and spec differ, field by field; what was not told or not asked for is no difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.drift import drift, immutable_mismatches, patch_of, untold
from tokenfactory_operator.domain.identity import OwnerMark
from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint
from unit.support.builders import IDENTITY, SPEC, a_spec, an_endpoint, mark

MARK = OwnerMark(IDENTITY, "ml/llm", "a1")
GPU_B200 = {"gpu": {"type": "gpu-b200-sxm", "count": 2}}
SCALE_2_4 = {"scaling": {"minReplicas": 2, "maxReplicas": 4}}

IN_ORDER = [
    pytest.param({}, {}, id="as-created"),
    pytest.param(
        {}, {"name": "renamed", "enabled": False, "custom_weights_id": "w"}, id="left-out-fields-are-the-clouds"
    ),
    pytest.param({}, {"description": f"written in the console {mark()}"}, id="left-out-description-keeps-the-clouds"),
    pytest.param({"displayName": "chat"}, {"name": None}, id="name-not-told"),
    pytest.param({"displayName": "my  chat"}, {"name": " my chat "}, id="name-white-space"),
    pytest.param({"description": "two  words"}, {"description": f"two words\n{mark()}"}, id="description-white-space"),
    pytest.param({"description": "x"}, {"description": None}, id="description-not-told"),
    pytest.param({}, {"gpu_type": " GPU-H100-SXM "}, id="gpu-type-case"),
    pytest.param({}, {"gpu_type": "gpu_h100_sxm"}, id="gpu-type-spelled"),
    pytest.param(GPU_B200, {"gpu_type": None, "gpu_count": None}, id="gpu-not-told"),
    pytest.param(SCALE_2_4, {"min_replicas": None, "max_replicas": None}, id="scaling-not-told"),
    pytest.param(SCALE_2_4, {"min_replicas": None}, id="scaling-half-told-and-equal"),
    pytest.param({"enabled": True}, {"enabled": None}, id="enabled-not-told"),
    pytest.param({"customWeightsId": ""}, {"custom_weights_id": ""}, id="weights-cleared"),
    pytest.param({"customWeightsId": "w1"}, {"custom_weights_id": None}, id="weights-not-told"),
]

DIFFERENT = [
    pytest.param({"displayName": "chat"}, {}, {"name": "chat"}, id="name"),
    pytest.param({"displayName": "Chat"}, {"name": "chat"}, {"name": "Chat"}, id="name-case-counts"),
    pytest.param({"description": "x"}, {}, {"description": f"x {mark()}"}, id="description"),
    pytest.param(
        {"description": ""}, {"description": f"x {mark()}"}, {"description": mark()}, id="description-cleared"
    ),
    pytest.param({"description": "x"}, {"description": "x"}, {"description": f"x {mark()}"}, id="mark-removed"),
    pytest.param({}, {"description": ""}, {"description": mark()}, id="description-emptied-in-the-console"),
    pytest.param(
        {}, {"description": "kept"}, {"description": f"kept {mark()}"}, id="mark-put-back-behind-the-clouds-text"
    ),
    pytest.param(GPU_B200, {}, {"gpu_type": "gpu-b200-sxm", "gpu_count": 2}, id="gpu-type-takes-the-count-along"),
    pytest.param(
        {}, {"gpu_count": 8}, {"gpu_type": "gpu-h100-sxm", "gpu_count": 2}, id="gpu-count-takes-the-type-along"
    ),
    pytest.param(SCALE_2_4, {}, {"scaling": (2, 4)}, id="scaling-whole-for-the-minimum"),
    pytest.param({}, {"max_replicas": 9}, {"scaling": (1, 4)}, id="scaling-whole-for-the-maximum"),
    pytest.param(
        {}, {"min_replicas": None, "max_replicas": 9}, {"scaling": (1, 4)}, id="scaling-half-told-and-different"
    ),
    pytest.param({"enabled": False}, {}, {"enabled": False}, id="stop"),
    pytest.param({"enabled": True}, {"enabled": False}, {"enabled": True}, id="start"),
    pytest.param({"customWeightsId": "w1"}, {"custom_weights_id": ""}, {"custom_weights_id": "w1"}, id="weights-set"),
    pytest.param({"customWeightsId": ""}, {"custom_weights_id": "w1"}, {"custom_weights_id": ""}, id="weights-clear"),
]

IMMUTABLE = [
    pytest.param({}, {}, (), id="equal"),
    pytest.param({}, {"model_name": " OpenAI/GPT-oss-120b"}, (), id="case-and-space"),
    *(
        pytest.param({}, {"model_name": name}, (), id=f"model-spelled-{name}")
        for name in ("gpt-oss-120b", "gpt_oss_120B", "models/openai/gpt-oss-120b", "hub/models/OpenAI/gpt-oss-120b")
    ),
    pytest.param({}, {"region": "EU_North1", "flavor_name": "BASE "}, (), id="region-and-flavor-spelled"),
    pytest.param({}, {"model_name": "meta/gpt-oss-120b"}, ("model",), id="another-maker"),
    pytest.param({}, {"model_name": "models/meta/gpt-oss-120b"}, ("model",), id="another-maker-kept-elsewhere"),
    pytest.param({"model": "a/b/"}, {"model_name": "c/d/"}, ("model",), id="nothing-in-common"),
    pytest.param({"routingKey": "dedicated/a-bc"}, {"routing_key": "dedicated/ab-c"}, ("routingKey",), id="two-keys"),
    pytest.param({}, {"model_name": None, "flavor_name": None, "region": None}, (), id="not-told"),
    pytest.param({"model": "x/y"}, {}, ("model",), id="model"),
    pytest.param({"flavor": "fast"}, {}, ("flavor",), id="flavor"),
    pytest.param({"region": "us-central1"}, {}, ("region",), id="region"),
    pytest.param({"routingKey": "dedicated/mine"}, {}, ("routingKey",), id="routing-key"),
    pytest.param({}, {"routing_key": "dedicated/other"}, (), id="routing-key-left-out"),
    pytest.param({"model": "x/y", "region": "us-central1"}, {}, ("model", "region"), id="several"),
]


@pytest.mark.parametrize(("spec", "seen"), IN_ORDER)
def test_no_drift(spec: dict[str, Any], seen: dict[str, Any]) -> None:
    """Nothing is sent for what is equal after normalising, not told, or left to the cloud."""
    found = drift(a_spec(**spec), an_endpoint(**seen), MARK)
    assert (found, patch_of(found)) == ((), EndpointPatch())


@pytest.mark.parametrize(("spec", "seen", "patch"), DIFFERENT)
def test_drift(spec: dict[str, Any], seen: dict[str, Any], patch: dict[str, Any]) -> None:
    """The PATCH says what differs and nothing else."""
    found = drift(a_spec(**spec), an_endpoint(**seen), MARK)
    assert found
    assert patch_of(found) == EndpointPatch(**patch)
    assert {item.field for item in found} == set(patch)


@pytest.mark.parametrize(
    ("spec", "seen", "fields"),
    [
        pytest.param({}, {}, (), id="all-told"),
        pytest.param({}, {"name": None, "enabled": None, "custom_weights_id": None}, (), id="not-asked-for"),
        pytest.param({"displayName": "chat"}, {"name": None}, ("name",), id="name"),
        pytest.param({"description": "x"}, {"description": None}, ("description",), id="description"),
        pytest.param({"description": ""}, {"description": None}, (), id="no-description"),
        pytest.param(SCALE_2_4, {"min_replicas": None}, ("scaling",), id="half-of-scaling"),
        pytest.param({}, {"gpu_count": None}, ("gpu_type", "gpu_count"), id="gpu-type-and-count-go-together"),
        pytest.param({"customWeightsId": "w1"}, {"custom_weights_id": None}, ("custom_weights_id",), id="weights"),
        pytest.param({"customWeightsId": ""}, {"custom_weights_id": None}, (), id="no-weights"),
        pytest.param({"enabled": True}, {"enabled": None}, (), id="it-serves-so-it-is-enabled"),
        pytest.param({"enabled": False}, {"enabled": None}, ("enabled",), id="enabled"),
        pytest.param({"enabled": False}, {"enabled": None, "status": "Stopped"}, (), id="it-is-stopped"),
        pytest.param({"enabled": True}, {"enabled": None, "status": "stopped"}, ("enabled",), id="not-enabled"),
    ],
)
def test_untold(spec: dict[str, Any], seen: dict[str, Any], fields: tuple[str, ...]) -> None:
    """What the spec says and the answer does not tell; what the endpoint does tells whether it is enabled."""
    assert tuple(item.field for item in untold(a_spec(**spec), an_endpoint(**seen))) == fields


@pytest.mark.parametrize(("spec", "seen", "fields"), IMMUTABLE)
def test_immutable(spec: dict[str, Any], seen: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Fields that no PATCH can change are named with both values."""
    found = immutable_mismatches(a_spec(**spec), an_endpoint(**seen))
    assert tuple(sentence.split(":")[0] for sentence in found) == fields


def test_both_values_are_named() -> None:
    """A person reads what is and what should be."""
    found = drift(a_spec(displayName="chat"), an_endpoint(name="talk"), MARK)
    assert str(found[0]) == "name: the cloud has talk, the spec says chat"


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="["), max_size=40)
SPECS = st.builds(
    a_spec,
    displayName=st.none() | TEXTS.filter(bool),
    description=st.none() | TEXTS,
    enabled=st.none() | st.booleans(),
    customWeightsId=st.none() | st.sampled_from(["", "w1", "w2"]),
    gpu=st.fixed_dictionaries({"type": st.sampled_from(["gpu-a", "gpu-b"]), "count": st.integers(1, 8)}),
    scaling=st.builds(
        lambda low, more: {"minReplicas": low, "maxReplicas": low + more}, st.integers(1, 5), st.integers(0, 5)
    ),
)
SEEN = st.builds(
    an_endpoint,
    name=st.none() | TEXTS,
    description=st.none() | TEXTS | TEXTS.map(lambda text: f"{text} {mark()}"),
    enabled=st.none() | st.booleans(),
    custom_weights_id=st.none() | st.sampled_from(["", "w1", "w2"]),
    gpu_type=st.none() | st.sampled_from(["gpu-a", "gpu-b"]),
    gpu_count=st.none() | st.integers(0, 8),
    min_replicas=st.none() | st.integers(1, 5),
    max_replicas=st.none() | st.integers(1, 9),
)


def applied(seen: ObservedEndpoint, patch: EndpointPatch) -> ObservedEndpoint:
    sent = {name: getattr(patch, name) for name in patch.fields}
    if "scaling" in sent:
        sent["min_replicas"], sent["max_replicas"] = sent.pop("scaling")
    return replace(seen, **sent)


@given(SPECS, SEEN)
def test_a_patch_that_is_applied_leaves_no_drift(spec: api.Spec, seen: ObservedEndpoint) -> None:
    """For any pair: what the PATCH says, once the cloud has it, is what the spec says."""
    found = drift(spec, seen, MARK)
    assert not drift(spec, applied(seen, patch_of(found)), MARK)


@given(SPECS, SEEN)
def test_only_fields_of_the_spec_are_sent(spec: api.Spec, seen: ObservedEndpoint) -> None:
    """For any pair: a field that the spec leaves out is not sent, but for the description, which carries the mark."""
    sent = set(patch_of(drift(spec, seen, MARK)).fields)
    given_fields = {"name": spec.display_name, "enabled": spec.enabled, "custom_weights_id": spec.custom_weights_id}
    assert not sent & {name for name, value in given_fields.items() if value is None}
    assert SPEC["model"] == spec.model
