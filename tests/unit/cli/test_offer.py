"""The choices of `create`: each that is offered leads to a combination that the catalog has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cli.offer import FIELDS, Choice, choices
from tokenfactory_operator.domain.catalog import Catalog, Combination, Flavor, Template, Wanted

combinations = st.builds(
    Combination,
    st.lists(st.sampled_from(["gpu-a", "gpu-b", "gpu-c"]), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from([1, 2, 4]), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(["r1", "r2", "r3"]), max_size=2, unique=True).map(tuple),
)
flavors = st.lists(combinations, min_size=1, max_size=4).map(tuple)
catalogs = st.lists(st.lists(flavors, min_size=1, max_size=2), min_size=1, max_size=3).map(
    lambda models: Catalog(
        tuple(
            Template(f"m{number}", tuple(Flavor(f"f{at}", reported) for at, reported in enumerate(each)))
            for number, each in enumerate(models)
        )
    )
)


@given(catalog=catalogs, picks=st.lists(st.integers(0, 100), min_size=len(FIELDS), max_size=len(FIELDS)))
def test_whatever_is_chosen_is_in_the_catalog(catalog: Catalog, picks: list[int]) -> None:
    """One after the other, each among what is offered then; a field of which nothing is told may be anything."""
    chosen = Choice()
    for field, pick in zip(FIELDS, picks, strict=True):
        offered = choices(catalog, chosen, field) or (("9",) if field == "count" else ("anything",))
        chosen = chosen.having(field, offered[pick % len(offered)])
    assert not catalog.mismatch(Wanted(chosen.model, chosen.flavor, chosen.region, chosen.gpu, chosen.count, 1))


@given(catalog=catalogs)
def test_nothing_is_offered_for_what_is_not_there(catalog: Catalog) -> None:
    """An unknown model has no flavors, and an unknown flavor no GPUs."""
    assert choices(catalog, Choice(model="nothing"), "flavor") == ()
    assert choices(catalog, Choice(model="m0", flavor="nothing"), "gpu") == ()
