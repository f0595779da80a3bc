"""The pages are in plain English: no sentence over which outsiders stumbled, no coined word, no endless sentence."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt

from unit.docs.pages import PAGES, ROOT

STUMBLED: Final = (
    "there is never more than one endpoint",
    "comes even later is found",
    "finalizer goes only after",
    "leaves out are the cloud's",
    "needs no list",
    "look now; also",
    "answer to a reported doubt",
    "not half obeyed",
    "retried but looks",
    "it is your word",
    "a wrong word",
    "is sure to be new enough",
    "does not list may well exist",
    "for gone on its word",
    "that may be a list of before",
    "from which on ready",
    "says nothing about theirs",
)
"""Beginnings or ends of the sentences that readers could not follow, in lower case."""
COINED: Final[dict[str, str]] = {
    r"late twins?": "duplicate",
    r"\btwins?\b": "duplicate",
    r"\banew\b": "again, recreated",
    r"for gone": "as deleted",
    r"\blet(?:s|ting)?(?: \w+){0,4} go\b": "remove the finalizer, release",
    r"\b(?:un)?heard\b": "observed, not observed",
    r"\btold\b": "reported",
    r"\btaught\b": "answered",
    r"\bstripped\b": "removed",
    r"\bmissed\b": "not listed",
    r"by its word|on its word|(?:his|your|person's|last) word\b": "confirmation",
    r"says? a word|without a word": "report",
    r"\bspeaks? against\b": "makes untrusted, rules out",
}
"""Words of our own, and what everybody calls it."""
ALLOWED: Final[dict[str, frozenset[str]]] = {
    "docs/benchmarks.md": frozenset({r"\bmissed\b"}),  # a budget that was not met
}
"""Pages in which such a word has its usual meaning."""
LONGEST: Final = 30
"""Words of a sentence. Above that there is more than one thought."""
PEOPLE: Final = [*PAGES, "CHANGELOG.md"]
CODE: Final = sorted((ROOT / "operator" / "tokenfactory_operator").rglob("*.py"))
READ: Final = [
    *(ROOT / page for page in PAGES),
    *CODE,
    *sorted((ROOT / "helm").rglob("*.txt")),
    *sorted((ROOT / "helm").rglob("values*")),
    ROOT / "crds" / "tokenfactory.nebius.com_dedicatedendpoints.yaml",
]


@cache
def one_line(path: Path) -> str:
    """The text in lower case, without line breaks and what joins strings."""
    return " ".join(re.sub(r'["\']\s*\n\s*f?["\']', "", path.read_text(encoding="utf-8")).split()).lower()


def sentences(page: str) -> list[str]:
    """The sentences of a page's text and tables; code and links count for one word."""
    found: list[str] = []
    for token in MarkdownIt().enable("table").parse((ROOT / page).read_text(encoding="utf-8")):
        if token.type == "inline":
            text = re.sub(r"`[^`]*`", "code", " ".join(token.content.split()))
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
            found += re.split(r"(?<=[.!?:;])\**\s+|<br>", text)
    return found


@pytest.mark.parametrize("text", STUMBLED)
def test_nobody_stumbles_again(text: str) -> None:
    """Neither in the pages nor in what the programs say."""
    assert [str(path.relative_to(ROOT)) for path in READ if text in one_line(path)] == []


@pytest.mark.parametrize("page", PEOPLE)
def test_no_word_is_coined(page: str) -> None:
    """The field's own word is used."""
    text = re.sub(r"`[^`]*`", "", one_line(ROOT / page))
    found = {word: plain for word, plain in COINED.items() if re.search(word, text)}
    allowed = ALLOWED.get(page, frozenset())
    assert {word: plain for word, plain in found.items() if word not in allowed} == {}
    assert allowed <= found.keys()


def messages(source: str) -> list[str]:
    """The texts of a module, without its docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    documented = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in documented]
    return [text.lower() for text in texts if isinstance(text, str) and " " in text]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_message_has_a_coined_word(path: Path) -> None:
    """Conditions, Events, log lines and what the command line prints."""
    found = messages(path.read_text(encoding="utf-8"))
    assert [(text, word) for text in found for word in COINED if re.search(word, text)] == []


@pytest.mark.parametrize("page", PEOPLE)
def test_a_sentence_ends(page: str) -> None:
    """Before it is forgotten how it began."""
    assert [text for text in sentences(page) if len(text.split()) > LONGEST] == []
