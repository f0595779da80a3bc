"""The files that `import` writes: one for each endpoint, whatever the endpoints are called."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cli.importing import files_of
from tokenfactory_operator.cli.moving import Moved
from unit.support.builders import an_endpoint


def a_move(place: str, endpoint_id: str = "ep-1", **fields: Any) -> Moved:  # noqa: ANN401  # of an endpoint
    """An endpoint that goes to that place."""
    namespace, _, name = place.partition("/")
    return Moved(an_endpoint(endpoint_id, **fields), {"metadata": {"namespace": namespace, "name": name}})


def written(*places: str) -> dict[str, str]:
    """Which endpoint is in which file."""
    files = files_of([a_move(place, f"ep-00000{at}") for at, place in enumerate(places)])
    resources = yaml.safe_load(files.pop("kustomization.yaml"))["resources"]
    assert resources == sorted(files)
    documents = {name: yaml.safe_load(text)["metadata"] for name, text in files.items()}
    return {name: f"{each['namespace']}/{each['name']}" for name, each in documents.items()}


@pytest.mark.parametrize(
    ("places", "files"),
    [
        pytest.param(("ml/llm", "ml/bot"), {"llm.yaml": "ml/llm", "bot.yaml": "ml/bot"}, id="names"),
        pytest.param(
            ("dev/llm", "prod/llm"), {"dev-llm.yaml": "dev/llm", "prod-llm.yaml": "prod/llm"}, id="one name, two places"
        ),
        pytest.param(("ml/kustomization",), {"ml-kustomization.yaml": "ml/kustomization"}, id="the kustomization's"),
        pytest.param(
            ("a/b-c", "a-b/c", "x/b-c", "x/c"),
            {"a-b-c.yaml": "a/b-c", "a-b-c-000001.yaml": "a-b/c", "x-b-c.yaml": "x/b-c", "x-c.yaml": "x/c"},
            id="alike with the namespace",
        ),
    ],
)
def test_each_has_its_file(places: tuple[str, ...], files: dict[str, str]) -> None:
    """Named as its object; with the namespace before it where that is another file's name."""
    assert written(*places) == files


@pytest.mark.parametrize(
    ("name", "status", "comment"),
    [
        pytest.param("Search bot", "running", "# Search bot, running", id="usual"),
        pytest.param("a\x1b[31mred\x07", None, r"# a\x1b[31mred\x07", id="control characters"),
        pytest.param("a\nspec: x", "running\nspec: evil", "# a spec: x, running spec: evil", id="line breaks"),
        pytest.param("\u202ea\ud800\ufeff", "run\x00", r"# \u202ea\ud800\ufeff, run\x00", id="not visible"),
        pytest.param(None, None, "# ep-1", id="nothing"),
    ],
)
def test_the_comment_is_one_visible_line(name: str | None, status: str | None, comment: str) -> None:
    """YAML has no control characters, and a terminal obeys them."""
    text = files_of([a_move("ml/x", name=name, status=status)])["x.yaml"]
    assert text.splitlines()[1] == comment
    assert yaml.safe_load(text) == {"metadata": {"namespace": "ml", "name": "x"}}


labels = st.text("ab-", min_size=1, max_size=3)


@given(st.sets(st.builds("{}/{}".format, labels, labels | st.just("kustomization")), max_size=12))
def test_none_is_lost(places: set[str]) -> None:
    """As many files as endpoints."""
    assert sorted(written(*sorted(places)).values()) == sorted(places)
