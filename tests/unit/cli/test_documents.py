"""JSON and YAML are read as kubectl reads them; the values on the right are what `kubectl annotate --local` printed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cli import documents as module
from tokenfactory_operator.cli.documents import Unreadable, documents, has_to_be_quoted, plain
from tokenfactory_operator.cli.manifests import written


@pytest.mark.parametrize("loader", [getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        ("190:20:30.15", "190:20:30.15"),
        ("2026-07-01", "2026-07-01"),
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
        ("!!timestamp 2026-07-01", "2026-07-01"),
        ("=", "="),
        ("<<", "<<"),
        ("!anything x", "x"),
        ("!anything {b: c}", {"b": "c"}),
        ("!!set {a, b}", {"a": None, "b": None}),
        ("yes", True),
        ("y", True),
        ("No", False),
        ("OFF", False),
        ("tRue", "tRue"),
        ("~", None),
        ("", None),
        ("NuLL", "NuLL"),
        ("012", 10),
        ("+012", 10),
        ("09", 9),
        ("08_8", 88),
        ("0o17", 15),
        ("-0x1f", -31),
        ("0B1", 1),
        ("-0b11", -3),
        ("1__0", 10),
        ("_1", "_1"),
        ("0x", "0x"),
        ("1e3", 1000),
        ("1e", "1e"),
        ("1e999", "1e999"),
        ("1e-2", 0.01),
        ("1.", 1),
        (".5e3", 500),
        (".5_", ".5_"),
        ("-.5_", -0.5),
        ("..", ".."),
        ("1.5.2", "1.5.2"),
        ("9007199254740993", 9007199254740993),
        ("!!str 5", "5"),
        ('!!int "5"', 5),
    ],
)
def test_a_plain_text(text: str, value: object, loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both loaders of PyYAML make the same of it."""
    monkeypatch.setattr(module, "_Loader", _with(loader))
    (document,) = documents(f"a: {text}\n")
    assert json.dumps(plain(document)["a"]) == json.dumps(value)


def _with(loader: type) -> type:
    """The project's loader, with another one of PyYAML below it."""
    known: Any = module._Loader  # only one of the two is used on a machine
    own = {"yaml_implicit_resolvers": known.yaml_implicit_resolvers, "yaml_constructors": known.yaml_constructors}
    return type("Loader", (loader,), own)


def test_names_are_text() -> None:
    """JSON has no others."""
    (document,) = documents("{16: a, true: b, 1.5: c, 2026-07-01: d}")
    assert plain(document) == {"16": "a", "true": "b", "1.5": "c", "2026-07-01": "d"}


@pytest.mark.parametrize(
    "between", ["", "\n", "\n---\n", "\n--- \n---\n"], ids=["at once", "lines", "marker", "two markers"]
)
def test_json_with_tabs(between: str) -> None:
    """YAML allows none; several documents may follow each other."""
    assert documents(f'\ufeff{{\n\t"a": 1\n}}{between}{{"b": "\\ud83d\\ude00"}}\n') == [{"a": 1}, {"b": "😀"}]


def test_yaml_after_json() -> None:
    """As kubectl does, the stream is read as YAML then."""
    assert documents('{"a": 1}\n---\nb: 2\n---\n# nothing\n') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        pytest.param('{\n\t"a": 1,\n\t"b" 2\n}', "is no JSON: Expecting ':' delimiter", 3, id="JSON"),
        pytest.param("a:\n  b: c: d", "is no YAML: mapping values are not allowed", 2, id="YAML"),
        pytest.param("a: \x01", "is no YAML: control characters are not allowed", 0, id="a control character"),
        pytest.param("a: !!int x", "is no YAML: invalid literal", 0, id="a tag that is not true"),
        pytest.param("[" * 100_000, "is no YAML: ", 1, id="too deep"),
    ],
)
def test_what_is_neither(text: str, says: str, line: int) -> None:
    """The problem is named, and where it is."""
    with pytest.raises(Unreadable) as failure:
        documents(text)
    assert str(failure.value).startswith(says)
    assert failure.value.line == line


@pytest.mark.parametrize(
    "text", ["a: .inf", "a: !!binary aGk=", "&a [*a]", '{"a": "\\ud800"}', '{"a": NaN}'], ids=lambda text: text[:9]
)
def test_what_json_has_not(text: str) -> None:
    """Such a value could not be sent."""
    (document,) = documents(text)
    with pytest.raises(ValueError, match=r".+"):
        plain(document)


TEXTS = st.text(alphabet="0123456789eExXoObB_.+-:", max_size=6) | st.sampled_from(["y", "N", "yes", "null", "~", "="])


@given(TEXTS)
def test_what_is_written_is_read_again(text: str) -> None:
    """A name such as `1e3` is quoted, since kubectl would take it for a number."""
    (document,) = documents(written([{"a": text, text: 1}]))
    assert document == {"a": text, text: 1}


@pytest.mark.parametrize(
    ("text", "quoted"), [("1e3", True), ("y", True), ("09", True), ("1.5.2", False), ("gpu-a", False), ("", False)]
)
def test_what_is_quoted(text: str, quoted: bool) -> None:  # noqa: FBT001  # a parameter
    """No more than has to be."""
    assert has_to_be_quoted(text) is quoted
