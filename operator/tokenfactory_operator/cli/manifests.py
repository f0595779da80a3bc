"""Manifests: read from files, folders and standard input, and written for people to keep in Git."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.errors import CliError

STDIN: Final = "-"
PLACES: Final = "Name files or folders of manifests with -f, or - for standard input."
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""Of the files in a folder that are manifests, as kubectl has them."""
KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
"""Files by which kustomize makes manifests of others; `import` writes one, too."""

Manifest = dict[str, Any]


class Read(NamedTuple):
    """What some places have."""

    found: list[Manifest]
    """The `DedicatedEndpoint` objects."""
    others: int
    """How many objects of other kinds there are."""
    kustomizations: list[Path]
    """Files that are no object, and that no `-f` reads."""

    def needed(self) -> list[Manifest]:
        """The objects. Raises `CliError` where there is none."""
        if self.found:
            return self.found
        folder = self.kustomizations[0].parent if self.kustomizations else None
        hint = f"`kubectl kustomize {folder} | kubectl tokenfactory plan -f -`" if folder else PLACES
        raise CliError(f"There is no {api.KIND} in what was given.", hint=hint)


def read(places: Sequence[str]) -> Read:
    """What is in these files and folders.

    Raises:
        CliError: a place cannot be read, is no YAML, or has an object without a name.
    """
    found: list[Manifest] = []
    kustomizations: list[Path] = []
    others = 0
    for origin, text in _texts(places):
        if isinstance(origin, Path) and origin.name in KUSTOMIZATIONS:
            kustomizations.append(origin)
            continue
        for document in _documents(str(origin), text):
            if document.get("kind") != api.KIND or not str(document.get("apiVersion")).startswith(f"{api.GROUP}/"):
                others += 1
                continue
            if not (document.get("metadata") or {}).get("name"):
                raise CliError(f"{origin}: a {api.KIND} has no metadata.name.", hint="Give it a name.")
            found.append(dict(document))
    return Read(found, others, kustomizations)


def _texts(places: Sequence[str]) -> Iterator[tuple[str | Path, str]]:
    for place in places:
        if place == STDIN:
            yield "standard input", sys.stdin.read()
            continue
        path = Path(place)
        files = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES) if path.is_dir() else [path]
        if not files:
            raise CliError(f"{place} has no manifest: no file that ends in {', '.join(sorted(SUFFIXES))}.", hint=PLACES)
        for file in files:
            try:
                yield file, file.read_text(encoding="utf-8")
            except (OSError, UnicodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is no text"
                raise CliError(f"{file} cannot be read: {reason}.", hint=PLACES) from None


def _documents(origin: str, text: str) -> Iterator[Mapping[str, Any]]:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise CliError(
            f"{origin}{place} is no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}.",
            hint="kubectl apply --dry-run=client -f FILE reads it in the same way.",
        ) from None
    for document in documents:
        if not isinstance(document, Mapping):
            raise CliError(f"{origin} has something that is no object of Kubernetes.", hint=PLACES)
        yield from document["items"] if _is_list(document) else [document]


def _is_list(document: Mapping[str, Any]) -> bool:
    return str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list)


def written(documents: Sequence[Mapping[str, Any]]) -> str:
    """A stream of YAML, in the order of the fields as they are given."""
    return "".join(
        f"---\n{yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=10_000)}"
        for document in documents
    )
