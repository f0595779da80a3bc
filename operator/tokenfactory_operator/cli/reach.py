"""Which objects an operator reconciles: those of its namespaces, with the labels that it selects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tokenfactory_operator.cli.installation import Installation
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.settings.names import ENV_PREFIX

_REQUIREMENTS: Final = re.compile(r"(?:[^,(]|\([^)]*\))+")
_SET: Final = re.compile(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)")
_EQUALITY: Final = re.compile(r"([^=!\s]+)\s*(!=|==?)\s*(\S*)")


async def left_out(session: Session, body: JsonObject) -> str:
    """Why the operator that is meant does not reconcile this object; empty if it does."""
    settings = (await session.access()).settings
    namespace, labels = body["metadata"]["namespace"], body["metadata"].get("labels") or {}
    if settings.watch_namespaces and namespace not in settings.watch_namespaces:
        cause = f"{ENV_PREFIX}WATCH_NAMESPACES leaves out the namespace {namespace}"
    elif not matches(settings.object_selector or "", labels):
        cause = f"its labels do not match {ENV_PREFIX}OBJECT_SELECTOR ({settings.object_selector})"
    else:
        return ""
    meant = await session.installation()
    others = await _others(session, meant.key, namespace, labels) if meant is not None else ""
    if meant is not None and others:
        return f"The operator {meant.key} does not reconcile it: {cause}. {others}"
    return f"No operator that was found reconciles it: {cause}."


async def _others(session: Session, meant: Key, namespace: str, labels: Mapping[str, str]) -> str:
    """What to type where another operator reconciles it."""
    found = [each for each in await session.installations(namespace) if each.key != meant]
    names = [str(each.key) for each in found if _reconciles(each, namespace, labels)]
    return f"Choose with --operator: {', '.join(names)}." if names else ""


def _reconciles(installation: Installation, namespace: str, labels: Mapping[str, str]) -> bool:
    selector = installation.environment.get(f"{ENV_PREFIX}OBJECT_SELECTOR", "")
    return installation.serves(namespace) and matches(selector, labels)


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes an object with these labels (Kubernetes: labels and selectors)."""
    return all(_holds(text.strip(), labels) for text in _REQUIREMENTS.findall(selector) if text.strip())


def _holds(requirement: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.fullmatch(requirement):
        name, operator, values = found.groups()
        among = labels.get(name) in {value.strip() for value in values.split(",")}
        return among if operator == "in" else not among
    if found := _EQUALITY.fullmatch(requirement):
        name, operator, value = found.groups()
        return (labels.get(name) == value) is (operator != "!=")
    if requirement.startswith("!"):
        return requirement[1:].strip() not in labels
    return requirement in labels
