"""The demo's table on a terminal: what fits is whole, what does not fit is left out, and there is one of it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Final

import pytest
from rich.console import Console

from demo.objects import Condition, Shown
from demo.table import table
from demo.view import View
from unit.support.screen import heads, screen

NAME: Final = "llama-3.3-70b-instruct"
ENDPOINT: Final = "ep-7c1f09ab3d5e4f60"
REASON: Final = "PartiallyReady"
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
    status={"state": "Provisioning", "endpointId": ENDPOINT, "replicaSummary": "1/1-4"},
    conditions={"Ready": Condition(status="False", reason=REASON, message="", generation=1)},
)


def a_console(width: int) -> Console:
    return Console(width=width, file=io.StringIO(), force_terminal=True)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def printed(width: int) -> list[str]:
    console = a_console(width)
    console.print(table([SHOWN], console))
    return [line for line in screen(written(console)) if line]


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_nothing_is_cut(width: int) -> None:
    """Name, reason and endpoint stand whole at any usual width; no cell is cut or goes on in a second line."""
    lines = printed(width)
    assert all(word in lines[2] for word in (NAME, REASON, ENDPOINT, "1/1-4"))
    assert "…" not in "".join(lines)
    assert len(lines) == 3
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("width", "seen"),
    [
        pytest.param(200, ["Endpoint", "State", "Model", "GPU", "Region"], id="all"),
        pytest.param(130, ["Endpoint", "State", "Model"], id="without what never changes"),
        pytest.param(80, ["Endpoint"], id="without state"),
        pytest.param(70, [], id="without endpoint"),
    ],
)
def test_the_columns_that_fit(width: int, seen: list[str]) -> None:
    """A wide terminal has them all; a narrow one keeps those that change, and the id."""
    head = printed(width)[0].split()
    assert [name for name in ("Endpoint", "State", "Model", "GPU", "Region") if name in head] == seen


def test_one_table_below_all_that_is_said() -> None:
    """It is drawn in place, also between two steps, and gone at the end."""
    view = View()
    view.console = a_console(80)
    for step in ("first", "second"):
        view.step(f"The {step} step")
        for reason in ("Starting", REASON):
            view.show([replace(SHOWN, conditions={"Ready": replace(SHOWN.conditions["Ready"], reason=reason)})])
        view.say(f"  the {step} is done")
    lines = screen(written(view.console))
    assert len(heads(lines)) == 1
    assert lines.index("  the second is done") < lines.index(heads(lines)[0])
    view.close()
    view.say("Stopped.")
    lines = screen(written(view.console))
    assert heads(lines) == []
    assert [line for line in lines if line] == [
        "The first step",
        "  the first is done",
        "The second step",
        "  the second is done",
        "Stopped.",
    ]


def test_a_line_for_each_change_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, an unchanged object is not told again."""
    view = View()
    for objects in ([SHOWN], [SHOWN], []):
        view.show(objects)
    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said] == [
        [NAME, "1/1-4", "Provisioning", "Ready=False", REASON, ENDPOINT],
        [NAME, "gone"],
    ]
