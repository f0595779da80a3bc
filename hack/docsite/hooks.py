"""Hooks of MkDocs for the site: they add pages from outside docs/, and rewrite links that leave docs/.

The same files are read on the site and in the repository, so their links are those of the repository. Here a link
becomes that of the site's page where there is one, else the repository's address. MkDocs finds the functions by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
REPOSITORY: Final = "https://github.com/nebius/tokenfactory-operator"
OUTSIDE: Final[Mapping[str, str]] = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "vulnerabilities.md",
    "helm/tokenfactory-operator/README.md": "chart.md",
}
"""Files outside docs/ that are pages of the site, and the names that they have there."""
SOURCES: Final[Mapping[str, str]] = {page: source for source, page in OUTSIDE.items()}
LINK: Final = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
DIAGRAM: Final = re.compile(r"^```mermaid$", flags=re.MULTILINE)


def site_path(path: str) -> str | None:
    """The page or picture of the site that a file of the repository becomes; None where it becomes none."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    return path.removeprefix("docs/") if path.startswith("docs/") and (ROOT / path).is_file() else None


def rewritten(target: str, *, source: str) -> str:
    """A relative link of the file `source` (a path of the repository), as the site has to have it.

    A target that does not exist is left as it is: MkDocs warns about it, which ends a strict build.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    here, there = site_path(source), site_path(path)
    if here is not None and there is not None:
        return posixpath.relpath(there, posixpath.dirname(here) or ".")
    if path.startswith("../") or not (ROOT / path).exists():
        return target
    return f"{REPOSITORY}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Rewrite the links. A diagram is shown as its text: what draws it would have to come from another server."""
    name = page.file.src_uri
    source = SOURCES.get(name, f"docs/{name}")
    text = LINK.sub(lambda link: rewritten(link["target"], source=source) + (link["anchor"] or ""), markdown)
    drawn = f"The [page in the repository]({REPOSITORY}/blob/main/{source}) draws this diagram."
    return DIAGRAM.sub(f"{drawn}\n\n```text", text)
