"""The demo's table on a terminal: what fits is whole, and what does not fit is left out."""

from __future__ import annotations

import io
from typing import Final

import pytest
from rich.console import Console

from demo.objects import Condition, Shown
from demo.view import table

NAME: Final = "llama-3.3-70b-instruct"
ENDPOINT: Final = "ep-7c1f09ab3d5e4f60"
CONDITION: Final = "Ready=False PartiallyReady"
SHOWN: Final = Shown(
    name=NAME,
    uid="u",
    version="1",
    generation=1,
    deleting=False,
    spec={
        "model": "meta-llama/Llama-3.3-70B-Instruct",
        "region": "eu-north1",
        "gpu": {"type": "gpu-h100-sxm", "count": 8},
        "scaling": {"minReplicas": 1, "maxReplicas": 4},
    },
    status={"state": "Provisioning", "endpointId": ENDPOINT, "readyReplicas": 1},
    conditions={"Ready": Condition(status="False", reason="PartiallyReady", message="", generation=1)},
)


def printed(width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(table([SHOWN], console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_nothing_is_cut(width: int) -> None:
    """Name and condition stand whole at any usual width; no cell ends in an ellipsis or goes on in a second line."""
    text = printed(width)
    assert NAME in text
    assert CONDITION in text
    assert "…" not in text
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize(
    ("width", "seen"),
    [
        pytest.param(200, ["Model", "GPU", "Region", "Endpoint", "State"], id="all"),
        pytest.param(130, ["Endpoint", "State"], id="without what never changes"),
        pytest.param(80, ["State"], id="without endpoint"),
    ],
)
def test_the_columns_that_fit(width: int, seen: list[str]) -> None:
    """A wide terminal has them all; a narrow one keeps those that change."""
    head = printed(width).splitlines()[1]
    assert [name for name in ("Model", "GPU", "Region", "Endpoint", "State") if name in head] == seen
