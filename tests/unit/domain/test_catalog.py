"""What of a spec the catalog rules out, and how that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.domain.catalog import SHOWN, UNREAD, Catalog, Combination, Flavor, Template, Wanted
from tokenfactory_operator.domain.errors import MAX_TEXT

WANTED = Wanted("openai/gpt-oss-120b", "base", "eu-north1", "gpu-h100-sxm", 2, 4)
H100 = Combination(("gpu-h100-sxm",), (1, 2, 4, 8), ("eu-north1", "us-central1"), 8)
H200 = Combination(("gpu-h200-sxm",), (8,), ("eu-west1",), 2)
CATALOG = Catalog(
    (
        Template("openai/gpt-oss-120b", (Flavor("base", (H200, H100)), Flavor("fast"))),
        Template("openai/gpt-oss-20b", (Flavor("base", (H100,)),)),
        Template("qwen/qwen3"),
    )
)
MODEL = 'spec.model "openai/gpt-oss-120" is not in the catalog. Did you mean "openai/gpt-oss-120b"? Others are: '
CASE = 'OpenAI/GPT-OSS-120B"'
OFFER = (
    " It offers: gpu.type gpu-h100-sxm; gpu.count 1, 2, 4, 8; "
    "region eu-north1, us-central1; scaling.maxReplicas up to 8"
)


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        pytest.param({}, "", id="on-offer"),
        pytest.param({"model": "openai/gpt-oss-120"}, MODEL, id="model-typo"),
        pytest.param({"model": "OpenAI/GPT-OSS-120B"}, MODEL.replace('openai/gpt-oss-120"', CASE, 1), id="case"),
        pytest.param({"model": "zzz"}, 'spec.model "zzz" is not in the catalog. There are: ', id="no-such-model"),
        pytest.param(
            {"flavor": "bas"},
            'spec.flavor "bas" is not in the catalog for openai/gpt-oss-120b. Did you mean "base"? Others are: fast.',
            id="flavor-typo",
        ),
        pytest.param({"flavor": "fast", "gpu_count": 99, "region": "mars"}, "", id="a-silent-flavor"),
        pytest.param({"model": "qwen/qwen3", "flavor": "any"}, "", id="a-silent-template"),
        pytest.param(
            {"gpu_count": 3},
            "The catalog does not offer gpu.count 3 for openai/gpt-oss-120b, flavor base." + OFFER,
            id="count",
        ),
        pytest.param(
            {"region": "eu-west2"},
            "The catalog does not offer region eu-west2 for openai/gpt-oss-120b, flavor base." + OFFER,
            id="region",
        ),
        pytest.param(
            {"gpu_type": "gpu-l40s-a", "gpu_count": 3},
            "The catalog does not offer gpu.count 3 and gpu.type gpu-l40s-a for",
            id="two-fields",
        ),
        pytest.param(
            {"max_replicas": 9},
            "The catalog does not offer scaling.maxReplicas 9 for openai/gpt-oss-120b",
            id="replicas",
        ),
    ],
)
def test_what_is_ruled_out(change: dict[str, object], begins: str) -> None:
    """Model, flavor, or the combination; the nearest one is named first, in the spec's own words."""
    text = CATALOG.mismatch(replace(WANTED, **change))  # type: ignore[arg-type]  # fields of the dataclass
    assert text.startswith(begins)
    assert bool(text) == bool(begins)


def test_a_catalog_that_is_not_known_rules_out_nothing() -> None:
    """Missing: the create call is the judge."""
    assert UNREAD.mismatch(replace(WANTED, model="zzz")) == ""


@pytest.mark.rule("C39")
@pytest.mark.parametrize(
    ("change", "ruled_out"),
    [
        pytest.param({}, False, id="on-offer"),
        pytest.param({"gpu_count": 3}, True, id="count"),
        pytest.param({"max_replicas": 9}, True, id="replicas"),
        pytest.param({"model": "gone", "gpu_count": 3}, False, id="a-model-that-is-no-longer-offered"),
        pytest.param({"flavor": "gone", "gpu_count": 3}, False, id="a-flavor-that-is-no-longer-offered"),
        pytest.param({"region": "gone"}, False, id="a-region-that-is-no-longer-offered"),
    ],
)
def test_a_change_of_what_runs(change: dict[str, object], ruled_out: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """Only what the PATCH changes is held against the catalog."""
    assert bool(CATALOG.change_mismatch(replace(WANTED, **change))) is ruled_out  # type: ignore[arg-type]  # as above


NAMES = st.text("ab-/é", min_size=1, max_size=40)
COMBINATIONS = st.builds(
    Combination,
    st.lists(NAMES, max_size=2).map(tuple),
    st.lists(st.integers(0, 9), max_size=2).map(tuple),
    st.lists(NAMES, max_size=2).map(tuple),
    st.none() | st.integers(0, 9),
)
FLAVORS = st.builds(Flavor, NAMES, st.lists(COMBINATIONS, max_size=30).map(tuple))
CATALOGS = st.lists(st.builds(Template, NAMES, st.lists(FLAVORS, max_size=8).map(tuple)), max_size=8).map(
    lambda templates: Catalog(tuple(templates))
)


@given(CATALOGS, st.builds(Wanted, NAMES, NAMES, NAMES, NAMES, st.integers(0, 9), st.integers(0, 9)))
def test_any_catalog_and_any_spec(catalog: Catalog, wanted: Wanted) -> None:
    """It is said exactly where nothing that is told allows the spec, and only a few alternatives are named."""
    text = catalog.mismatch(wanted)
    template = catalog.template(wanted.model)
    flavor = template.flavor(wanted.flavor) if template is not None else None
    silent = not catalog.templates or (template is not None and not template.flavors)
    assert (text == "") == (silent or (flavor is not None and flavor.allows(wanted)))
    assert text.count(" | ") < SHOWN
    assert len(text) < MAX_TEXT * 4
