"""Manifests: read from files, folders and standard input, and written for people to keep in Git."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.documents import Unreadable, documents, has_to_be_quoted, plain
from tokenfactory_operator.cli.errors import CliError

STDIN: Final = "-"
PLACES: Final = "Name files or folders of manifests with -f, or - for standard input."
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""Of the files in a folder that are manifests, as kubectl has them."""
KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
"""Files by which kustomize makes manifests of others; `import` writes one, too."""

_SHOWN: Final = 60
"""Characters of a wrong value that are shown at most."""

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


def read(places: Sequence[str], *, recursive: bool = False) -> Read:
    """What is in these files and folders; `recursive` takes the folders in them, too.

    Raises:
        CliError: a place cannot be read, is neither JSON nor YAML, or has an object that no API server would take.
    """
    found: list[Manifest] = []
    kustomizations: list[Path] = []
    others = 0
    for origin, text in _texts(places, recursive=recursive):
        if isinstance(origin, Path) and origin.name in KUSTOMIZATIONS:
            kustomizations.append(origin)
            continue
        for document in _objects(str(origin), text):
            if document.get("kind") == api.KIND and str(document.get("apiVersion")).startswith(f"{api.GROUP}/"):
                found.append(_checked(str(origin), document))
            else:
                others += 1
    return Read(found, others, kustomizations)


def _texts(places: Sequence[str], *, recursive: bool) -> Iterator[tuple[str | Path, str]]:
    for place in places:
        if place == STDIN:
            yield "standard input", _decoded("Standard input", _standard_input)
            continue
        path = Path(place)
        for file in _files(path, recursive=recursive) if path.is_dir() else [path]:
            yield file, _decoded(str(file), file.read_bytes)


def _files(folder: Path, *, recursive: bool) -> list[Path]:
    """The manifests of a folder. Raises `CliError` where there is none."""
    files = _manifests(folder.rglob("*") if recursive else folder.iterdir())
    if not files:
        hint = "-R reads the folders in it, too." if _manifests(folder.rglob("*")) else PLACES
        raise CliError(f"{folder} has no manifest: no file that ends in {', '.join(sorted(SUFFIXES))}.", hint=hint)
    return files


def _manifests(paths: Iterable[Path]) -> list[Path]:
    return sorted(each for each in paths if each.suffix in SUFFIXES and each.is_file())


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer.read()


def _decoded(origin: str, source: Callable[[], bytes]) -> str:
    try:
        return source().decode("utf-8")
    except OSError as error:
        raise CliError(f"{origin} cannot be read: {error.strerror}.", hint=PLACES) from None
    except UnicodeDecodeError:
        raise CliError(f"{origin} cannot be read: it is no text in UTF-8.", hint="Save it in UTF-8.") from None


def _objects(origin: str, text: str) -> Iterator[Mapping[str, Any]]:
    """Each object of a stream, and each of a list in it."""
    try:
        found = documents(text)
    except Unreadable as error:
        place = f", line {error.line}" if error.line else ""
        raise CliError(
            f"{origin}{place} {error}.", hint="kubectl apply --dry-run=client -f FILE reads it in the same way."
        ) from None
    for document in found:
        for each in document["items"] if _is_list(document) else [document]:
            if not isinstance(each, Mapping):
                raise CliError(
                    f"{origin} has something that is no object of Kubernetes: {_short(each)}.",
                    hint="Each document, and each of the items of a List, is an object with a kind.",
                )
            yield each


def _is_list(document: object) -> bool:
    return (
        isinstance(document, Mapping)
        and str(document.get("kind", "")).endswith("List")
        and isinstance(document.get("items"), list)
    )


def _checked(origin: str, document: Mapping[str, Any]) -> Manifest:
    """The object as JSON has it. Raises `CliError` for a form in which no API server takes it, with what to change."""
    try:
        manifest: Manifest = plain(document)
    except ValueError as error:
        raise CliError(f"{origin}: a {api.KIND} has what JSON has not: {error}.", hint="Put it in quotes.") from None
    if manifest["apiVersion"] != api.API_VERSION:
        raise CliError(
            f"{origin}: the apiVersion {_short(manifest['apiVersion'])} of a {api.KIND} is not served.",
            hint=f"Write apiVersion: {api.API_VERSION}.",
        )
    for path, value, form in _forms(manifest):
        if value is not None and not isinstance(value, form):
            kind, hint = _FORMS[form]
            raise CliError(f"{origin}: {path} of a {api.KIND} is no {kind}: {_short(value)}.", hint=hint)
    if not (manifest.get("metadata") or {}).get("name"):
        raise CliError(f"{origin}: a {api.KIND} has no metadata.name.", hint="Give it a name.")
    return manifest


_FORMS: Final[Mapping[type, tuple[str, str]]] = {
    str: ("text", "Put it in quotes."),
    dict: ("mapping", "Write it as `name: value`."),
    list: ("list", "Write each of its parts behind a dash."),
}


def _forms(manifest: Manifest) -> Iterator[tuple[str, Any, type]]:
    """What has one form only for each kind of object: its path, what is there, and the form."""
    yield "metadata", manifest.get("metadata"), dict
    metadata: Manifest = manifest.get("metadata") or {}
    for name in ("name", "namespace"):
        yield f"metadata.{name}", metadata.get(name), str
    for name in ("labels", "annotations"):
        yield f"metadata.{name}", metadata.get(name), dict
        for inner, value in (metadata.get(name) or {}).items():
            yield f"metadata.{name}.{inner}", value, str
    for name, form in (("finalizers", str), ("ownerReferences", dict)):
        yield f"metadata.{name}", metadata.get(name), list
        for value in metadata.get(name) or ():
            yield f"metadata.{name}[]", value, form
    yield "spec", manifest.get("spec"), dict


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def written(objects: Sequence[Mapping[str, Any]]) -> str:
    """A stream of YAML, in the order of the fields as they are given."""
    return "".join(
        f"---\n{yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)}"
        for document in objects
    )


class _Dumper(yaml.SafeDumper):
    """Quotes what kubectl would not take for text."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="'" if has_to_be_quoted(text) else None
    ),
)
