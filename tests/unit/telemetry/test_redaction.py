"""Secrets are taken out of texts whole, in each spelling, at a cost that does not follow their number."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.telemetry.redaction import FEW, REDACTED, Redactor

TOKEN = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
SPELLINGS = st.sampled_from(
    [
        str,
        lambda token: json.dumps(token)[1:-1],
        lambda token: quote(token, safe=""),
        lambda token: base64.b64encode(token.encode()).decode(),
    ]
)


@given(st.lists(TOKEN, min_size=1, max_size=5), SPELLINGS, st.text(max_size=20), st.integers(0, 4))
def test_nothing_of_a_secret_is_left(tokens: list[str], spelt: object, around: str, which: int) -> None:
    """Wherever a registered secret stands, in whichever spelling, none of its characters is shown there."""
    redactor = Redactor()
    for token in tokens:
        redactor.register(token)
    secret = spelt(tokens[which % len(tokens)])  # type: ignore[operator]  # one of the functions above
    assert redactor.redact(f"¤{secret}¤{around}").startswith(f"¤{REDACTED}¤")


@given(st.text(max_size=200))
def test_other_texts_stay(text: str) -> None:
    """What has no piece of a secret, and no bearer token, comes out as it went in."""
    redactor = Redactor()
    redactor.register("¤" * 40)
    assert redactor.redact(text) == text or "¤" * 8 in text or "bearer" in text.casefold()


def test_forgotten_secrets_cost_nothing() -> None:
    """What every account has given up is hidden no longer, and what another secret shares with it still is."""
    redactor = Redactor()
    for value in ("common-part-one", "common-part-two"):
        redactor.register(value)
    redactor.forget("common-part-one")
    redactor.forget("never registered")
    assert redactor.redact("common-part-two") == REDACTED
    redactor.forget("common-part-two")
    assert redactor.redact("common-part-two") == "common-part-two"
    assert not vars(redactor)["_blocks"]


def _seconds(redactor: Redactor, text: str) -> float:
    begun = time.process_time()
    for _ in range(20):
        redactor.redact(text)
    return time.process_time() - begun


def test_the_cost_does_not_follow_the_number_of_secrets() -> None:
    """A thousand tenants with tokens of the greatest length make a line no dearer than a few do: a ratio."""
    few, many = Redactor(), Redactor()
    few.register("".join(f"{number:08x}" for number in range(FEW + 1)))  # with fewer it is cheaper still
    for number in range(1000):
        many.register(f"{number:06d}-" + f"{number:08x}" * 500)
    text = '{"message":"acting","namespace":"ml","name":"gpt-oss-120b"} ' * 50
    # The best of some, since others use the machine too; an expression of all secrets was a thousand times dearer.
    ratios = [_seconds(many, text) / _seconds(few, text) for _ in range(5)]
    assert min(ratios) < 10


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["bearer" + " " * 500_000 + "!", "bearer " * 70_000, "a" * 500_000], ids=["blanks", "words", "one secret"]
)
def test_a_long_text_costs_what_it_is_long(text: str) -> None:
    """No text makes the search run away."""
    redactor = Redactor()
    redactor.register("a" * 4096)
    assert len(redactor.redact(text)) <= len(text) + 70_000 * len(REDACTED)


WORDS = "the namespace of an endpoint: reconciling endpoints, Unauthorized"


@pytest.mark.parametrize("token", ["namespace-1", "endpoint-2", "Unauthor1zed", "reconciling-now-1", "e1e1e1e1"])
def test_a_part_of_a_secret_may_be_a_word(token: str) -> None:
    """Words that begin like somebody's token stay: a few characters of it are no use to anybody."""
    redactor = Redactor()
    redactor.register(token)
    assert redactor.redact(WORDS) == WORDS
    assert redactor.redact(f"x{token}x") == f"x{REDACTED}x"


def test_a_secret_that_is_cut_is_hidden() -> None:
    """What is left of it in a row, if that is enough to be used."""
    redactor = Redactor()
    redactor.register("canary-0123456789abcdef")
    assert redactor.redact("canary-0123456789") == f"{REDACTED}9"
    assert redactor.redact("canary-") == "canary-"
