"""Documents of JSON and YAML, read as kubectl reads them: so a plan speaks of what an apply would send.

kubectl reads YAML 1.1 in the way of go-yaml (sigs.k8s.io/yaml): `yes` and `y` are true, `012` and `0o12` are 10, `1e3`
is 1000; a time, `12:30` and `=` are text; a tag that it does not know is left out. JSON is tried first, since YAML
allows no tabs.
"""

from __future__ import annotations

import json
import math
import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final

import yaml

_BETWEEN: Final = re.compile(r"(?:\s|^---[ \t]*$)*", re.MULTILINE)
"""What may stand between two documents of JSON."""
_OBJECT: Final = re.compile(r'\s*\{\s*"')
"""How JSON begins, and hardly any YAML."""
_BOOL: Final = re.compile("y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")
_OCTAL: Final = re.compile(r"[-+]?0[0-7]+")
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class Unreadable(Exception):
    """A text is neither JSON nor YAML."""

    def __init__(self, problem: str, line: int = 0) -> None:
        self.line = line
        """Where, from 1; 0 where that is not known."""
        super().__init__(problem)


def documents(text: str) -> list[Any]:
    """All documents of a stream, but those that are empty. Raises `Unreadable`."""
    text = text.removeprefix("\ufeff")
    try:
        found = _of_json(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, JSONDecodeError) and _OBJECT.match(text):
            found = _of_yaml(text, instead=Unreadable(f"is no JSON: {error.msg}", error.lineno))
        else:
            found = _of_yaml(text)
    return [document for document in found if document is not None]


def plain(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """The same as JSON has it: names are text. Raises `ValueError` for what JSON has not, such as no number."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    text.encode()
    return json.loads(text)


def has_to_be_quoted(text: str) -> bool:
    """Whether kubectl takes it for a number or for a truth value, beyond what PyYAML takes for one."""
    return bool(_BOOL.fullmatch(text)) or (text[:1] in set("-+.0123456789") and not isinstance(_number(text), str))


def _of_json(text: str) -> list[Any]:
    decoder, found, at = JSONDecoder(), [], _after(text, 0)
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        found.append(document)
        at = _after(text, at)
    return found


def _after(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between is not None else at


def _of_yaml(text: str, *, instead: Unreadable | None = None) -> list[Any]:
    """`instead` is raised where it is no YAML either."""
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise instead or Unreadable(f"is no YAML: {problem}", mark.line + 1 if mark is not None else 0) from None
    except (ValueError, RecursionError) as error:
        raise instead or Unreadable(f"is no YAML: {error}") from None


_Loader: Any = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {"yaml_implicit_resolvers": {}})
"""Makes of plain texts what go-yaml makes of them; with libyaml, where PyYAML was built with it."""


def _number(given: str) -> int | float | str:
    """A number, or text that only begins as one."""
    text = given if given.startswith(".") else given.replace("_", "")
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    if math.isinf(number):
        return given
    return int(number) if number.is_integer() else number


def _without_tag(loader: Any, node: yaml.Node) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = (
    ("bool", _BOOL.pattern, "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("number", r"[-+.0-9].*", "-+.0123456789"),
)
for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
_Loader.add_constructor(f"{_TAG}number", lambda loader, node: _number(loader.construct_scalar(node)))
_Loader.add_constructor(
    f"{_TAG}bool", lambda loader, node: loader.construct_scalar(node).lower() in {"y", "yes", "true", "on"}
)
for _name in ("timestamp", "merge", "set", "omap", "pairs"):
    _Loader.add_constructor(f"{_TAG}{_name}", _without_tag)
_Loader.add_constructor(None, _without_tag)
