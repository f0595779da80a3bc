"""What is printed on a terminal, and elsewhere."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from unittest import mock

import pytest

from cluster.support.eventually import eventually
from tokenfactory_operator.cli import output
from tokenfactory_operator.cli.output import Output

COLUMNS = ("NAME", "WHY")
ROWS = [("a", "short"), ("gpt-oss-120b", "words " * 30 + "end")]


class Terminal(io.StringIO):
    """Standard output or error that a person reads."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """A person does."""
        return True


@contextlib.contextmanager
def on_a_terminal(width: int = 60, **variables: str) -> Iterator[Terminal]:
    """Both streams are one terminal."""
    screen = Terminal()
    environment = {"TERM": "xterm-256color", "COLUMNS": str(width), **variables}
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
    ):
        yield screen


def test_elsewhere_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Aligned, whole, and without colour: for grep and awk."""
    Output().table(COLUMNS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert [line.index(cell) for line, cell in zip(lines, ("WHY", "short", "words"), strict=True)] == [15, 15, 15]
    assert lines[2].endswith("end")
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("width", [40, 60, 200])
def test_on_a_terminal_a_table_fits(width: int) -> None:
    """Long cells are wrapped, and nothing is cut off."""
    with on_a_terminal(width, NO_COLOR="1") as screen:
        Output().table(COLUMNS, ROWS)
    lines = [line.rstrip() for line in re.sub(r"\x1b\[\d*m", "", screen.getvalue()).splitlines()]
    assert max(map(len, lines)) <= width
    assert screen.getvalue().count("words") == 30
    assert "gpt-oss-120b" in screen.getvalue()


HOSTILE = "a\x1b[31mred\x07\u202eb"


@pytest.mark.parametrize("terminal", [True, False])
def test_what_others_wrote_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str], *, terminal: bool) -> None:
    """An endpoint's name may have any character; a line break in a cell makes no other row."""

    def everything() -> None:
        out = Output()
        out.line(f"{HOSTILE}\nsecond line")
        out.mark("ok", HOSTILE)
        out.change("+", HOSTILE)
        out.table(("NAME",), [[f"{HOSTILE}\nx"]])
        out.note(HOSTILE)
        out.failure(HOSTILE, HOSTILE)

    if terminal:
        with on_a_terminal(200, NO_COLOR="1") as screen:
            everything()
        printed = re.sub(r"\x1b\[[012]m", "", screen.getvalue())  # bold and dim are ours
    else:
        everything()
        printed = "".join(capsys.readouterr())
    assert printed.count(r"a\x1b[31mred\x07\u202eb") == 7
    assert not set("\x1b\x07\u202e") & set(printed)
    assert len(printed.splitlines()) == 9


def test_colours_and_none() -> None:
    """A terminal has them unless `NO_COLOR` is set."""
    with on_a_terminal() as screen:
        Output().mark("problem", "bad")
    assert "\x1b[31m" in screen.getvalue()
    with on_a_terminal(NO_COLOR="1") as screen:
        Output().mark("problem", "bad")
    assert screen.getvalue() == "✗ bad\n"


def test_signs_that_can_be_written() -> None:
    """An old terminal gets ASCII."""
    with on_a_terminal(NO_COLOR="1") as screen:
        screen.encoding = "ascii"
        Output().mark("problem", "bad")
    assert screen.getvalue() == "x bad\n"


def test_progress_of_what_takes_long() -> None:
    """After a moment a person is told what is waited for."""
    with on_a_terminal() as screen, mock.patch.object(output, "SHOWN_AFTER", 0.0), Output().working("Listing"):
        eventually(lambda: "Listing" in screen.getvalue(), what="progress")


def test_no_progress_of_what_is_quick() -> None:
    """Nothing flickers."""
    with on_a_terminal() as screen, mock.patch.object(output, "SHOWN_AFTER", 600.0), Output().working("Listing"):
        pass
    assert "Listing" not in screen.getvalue()


def test_no_progress_where_nobody_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs stay clean."""
    with mock.patch.object(output, "SHOWN_AFTER", 0.0), Output().working("Listing"):
        pass
    assert capsys.readouterr() == ("", "")
