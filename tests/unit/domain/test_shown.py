"""What of the cloud's words reaches a person: no address that nobody knows, no character that nobody sees."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.desired import inference_url
from tokenfactory_operator.domain.drift import Difference, immutable_mismatches
from unit.support.builders import a_spec, an_endpoint


@pytest.mark.parametrize(
    "region", ["evil.example/#", "evil", "tf-us1", "", "eu-north1.evil.example", "eu_north1", "EU-WEST1", "a" * 64]
)
def test_an_unknown_region_has_no_address(region: str) -> None:
    """Applications send their keys to it: only a region whose address is known has one."""
    assert inference_url(region) is None


def test_known_regions() -> None:
    """One has the short host; those that are in use beside the documented ones are in the table too."""
    assert inference_url("eu-north1") == "https://api.tokenfactory.nebius.com/v1"
    for region in ("eu-west1", "us-central1", "us-north1", "eu-west2", "uk-south1", "me-west1"):
        assert inference_url(region) == f"https://api.tokenfactory.{region}.nebius.com/v1"


def test_a_region_needs_no_release() -> None:
    """The table is a setting, and what it does not have has no address, though the built-in table does."""
    hosts = {"tf-us1": "api.example.com"}
    assert inference_url("tf-us1", hosts) == "https://api.example.com/v1"
    assert inference_url("eu-north1", hosts) is None


def test_a_simulator_on_the_own_machine() -> None:
    """It is called as its address says."""
    assert inference_url("eu-north1", {"eu-north1": "http://127.0.0.1:8090"}) == "http://127.0.0.1:8090/v1"


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("reported", "same"),
    [
        pytest.param("Qwen/Qwen2.5-7B", True, id="as in the spec"),
        pytest.param("qwen/qwen_2-5 7b", True, id="punctuation between numbers, and another kind of it"),
        pytest.param("Qwen/Qwen2-57B", False, id="another number of parameters"),
        pytest.param("Qwen/Qwen257B", False, id="one number"),
    ],
)
def test_two_numbers_in_the_name_of_a_model(reported: str, same: bool) -> None:  # noqa: FBT001 - of the table
    """Where one ends and the next begins says which model it is."""
    found = immutable_mismatches(a_spec(model="Qwen/Qwen2.5-7B"), an_endpoint(model_name=reported))
    assert (found == ()) is same


@pytest.mark.parametrize(
    ("reported", "same"),
    [
        pytest.param("openai/gpt-oss-120b", True, id="as in the spec"),
        pytest.param("OpenAI/GPT_OSS 120B", True, id="case and punctuation"),
        pytest.param("gpt-oss-120b", True, id="without its maker"),
        pytest.param("nebius/gpt-oss-120b", False, id="another maker's"),
        pytest.param("openai/gpt-oss-20b", False, id="another model"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_model_in_another_spelling(reported: str, same: bool) -> None:  # noqa: FBT001 - of the table
    """It is the same model, and the object stays manageable."""
    found = immutable_mismatches(a_spec(model="openai/gpt-oss-120b"), an_endpoint(model_name=reported))
    assert (found == ()) is same


def test_a_difference_shows_what_is_there() -> None:
    """Text that would reorder or hide a sentence stands as an escape in it."""
    assert str(Difference("name", "a\u202eb", "c")) == r"name: the cloud has a\u202eb, the spec says c"
