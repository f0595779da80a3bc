"""Looking for a secret in everything that an operator leaves behind."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cluster.support.world import World
from cluster.support.worlds import SYSTEM

PART: Final = 12
"""Characters of a secret that must not be read anywhere, at whatever place in it."""


def a_token() -> str:
    """A token whose characters JSON, URLs, HTML and Python's repr each write in another way."""
    return f"{secrets.token_hex(9)}+/\"{secrets.token_hex(7)}&<'\\{secrets.token_hex(9)}=%"


def traces(world: World, folder: Path) -> dict[str, str]:
    """Where people and programs read, by a name for the failure's text; the operator must be running."""
    process = Path("/proc", str(world.operator.pid))
    return {
        "arguments": process.joinpath("cmdline").read_bytes().decode(),
        "log": world.operator.log_text(),
        **{path: world.operator.served(path) for path in ("/metrics", "/readyz", "/livez")},
        "objects": json.dumps(world.kube.objects(world.namespace)),
        "events": json.dumps(world.kube.events(world.namespace) + world.kube.events(SYSTEM)),
        **_requests(world),
        **{f"file {path}": path.read_bytes().decode(errors="replace") for path in _files(folder, process)},
    }


def _requests(world: World) -> dict[str, str]:
    """The operator's requests as the audit log has them; answers that carry Secrets are not logged."""
    ours = [event for event in world.cluster.audit() if event["user"]["username"] == world.account]
    return {"audit log": json.dumps(ours)}


def bodies(world: World) -> set[str]:
    """The kinds of which the audit log has a request body of the operator."""
    events: list[dict[str, Any]] = world.cluster.audit()
    return {
        event["objectRef"]["resource"]
        for event in events
        if event["user"]["username"] == world.account and "requestObject" in event
    }


def _files(folder: Path, process: Path) -> Iterator[Path]:
    """What lies in the operator's folder, and every other file that it holds open."""
    yield from (path for path in folder.rglob("*") if path.is_file())
    for link in process.joinpath("fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            target = link.readlink()
            if target.is_absolute() and target.is_file() and folder not in target.parents:
                yield target


def found(token: str, texts: Mapping[str, str]) -> dict[str, str]:
    """The texts that show a part of the token, in any spelling, with what stands around it."""
    parts = _parts(token)
    return {name: around for name, text in texts.items() if (around := _around(parts, text))}


def _around(parts: frozenset[str], text: str) -> str:
    at = next((at for at in range(len(text) - PART + 1) if text[at : at + PART] in parts), None)
    return "" if at is None else text[max(0, at - 80) : at + 80]


def _parts(token: str) -> frozenset[str]:
    spellings = (token, json.dumps(token), repr(token), html.escape(token), quote(token), quote(token, safe=""))
    twice = (json.dumps(json.dumps(token)), json.dumps(html.escape(token)))
    # Three bytes make four characters, so a token looks different at each of three offsets; ends are the neighbours'.
    encoded = [base64.b64encode(b"\0" * offset + token.encode()).decode()[4:-4] for offset in range(3)]
    forms = (*spellings, *twice, *encoded, *(quote(form, safe="") for form in encoded))
    return frozenset(form[at : at + PART] for form in forms for at in range(len(form) - PART + 1))
