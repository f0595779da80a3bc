"""Which objects an operator reconciles, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tokenfactory_operator.cli.access import Access
from tokenfactory_operator.cli.installation import Installation
from tokenfactory_operator.cli.reach import left_out, matches
from tokenfactory_operator.ports import Key
from tokenfactory_operator.settings import Settings


@pytest.mark.parametrize(
    ("selector", "labels", "takes"),
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("! a", {"a": "b"}, False),
        ("a=b", {"a": "b"}, True),
        ("a == b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a=", {"a": ""}, True),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {}, True),
        ("a != b", {"a": "b"}, False),
        ("a in (b, c)", {"a": "c"}, True),
        ("a in (b, c)", {"a": "d"}, False),
        ("a in (b)", {}, False),
        ("a notin (b,c)", {"a": "c"}, False),
        ("a notin (b,c)", {}, True),
        ("a=b,x.y/c in (d,e),!f", {"a": "b", "x.y/c": "e"}, True),
        ("a=b,x.y/c in (d,e),!f", {"a": "b", "x.y/c": "e", "f": ""}, False),
        ("a=b , c", {"a": "b"}, False),
    ],
)
def test_a_selector(selector: str, labels: dict[str, str], takes: bool) -> None:  # noqa: FBT001  # a parameter
    """As Kubernetes has it: what is not there is not in any set."""
    settings = Settings(token="any-token", object_selector=selector)  # type: ignore[arg-type]  # pydantic makes the secret
    assert matches(settings.object_selector or "", labels) is takes


def operator(name: str, **environment: str) -> Installation:
    """One with these settings."""
    return Installation(
        Key("ops", name), environment={f"TOKENFACTORY_{key}": text for key, text in environment.items()}
    )


@dataclass
class Session:
    """A command's, with one operator that is meant."""

    settings: dict[str, Any]
    meant: Installation | None = field(default_factory=lambda: operator("meant"))
    others: tuple[Installation, ...] = ()

    async def access(self) -> Access:
        """The settings of that operator."""
        return Access(Settings(token="any-token", **self.settings), None, "")  # type: ignore[arg-type]  # as above

    async def installation(self) -> Installation | None:
        """That operator."""
        return self.meant

    async def installations(self, namespace: str) -> list[Installation]:
        """The operators of the cluster."""
        assert namespace == "ml"
        return [operator("meant"), *self.others]


BODY = {"metadata": {"namespace": "ml", "labels": {"team": "a"}}}
NAMESPACES = "TOKENFACTORY_WATCH_NAMESPACES leaves out the namespace ml."
LABELS = "its labels do not match TOKENFACTORY_OBJECT_SELECTOR (team=b)."


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({}, "", id="all"),
        pytest.param({"watch_namespaces": "ml,x", "object_selector": "team=a"}, "", id="both fit"),
        pytest.param({"watch_namespaces": "x"}, NAMESPACES, id="namespace"),
        pytest.param({"object_selector": "team=b"}, LABELS, id="labels"),
    ],
)
@pytest.mark.parametrize("meant", [operator("meant"), None], ids=["an operator", "settings only"])
async def test_what_is_left_out(settings: dict[str, str], says: str, meant: Installation | None) -> None:
    """The setting that leaves it out is named."""
    said = await left_out(Session(settings, meant), BODY)  # type: ignore[arg-type]  # enough of one
    assert said == (says and f"No operator that was found reconciles it: {says}")


@pytest.mark.parametrize(
    ("other", "named"),
    [
        pytest.param(operator("x"), True, id="all"),
        pytest.param(operator("x", WATCH_NAMESPACES="a, ml", OBJECT_SELECTOR="team in (a)"), True, id="both fit"),
        pytest.param(operator("x", WATCH_NAMESPACES="a"), False, id="another namespace"),
        pytest.param(operator("x", OBJECT_SELECTOR="team=c"), False, id="other labels"),
    ],
)
async def test_another_operator(other: Installation, named: bool) -> None:  # noqa: FBT001  # a parameter
    """One that reconciles it is named, with the flag that chooses it."""
    said = await left_out(Session({"object_selector": "team=b"}, others=(other,)), BODY)  # type: ignore[arg-type]  # enough of one
    assert said == (
        f"The operator ops/meant does not reconcile it: {LABELS} Choose with --operator: ops/x."
        if named
        else f"No operator that was found reconciles it: {LABELS}"
    )
