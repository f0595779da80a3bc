"""Owner marks: what is written is what is read, and it always fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.domain.identity import (
    ADOPTED,
    DESCRIPTION_LIMIT,
    NAME_LIMIT,
    Identity,
    OwnerMark,
    ReleasedMark,
    described,
    display_name,
    owner_marks,
    released_mark,
    scope,
    subject,
    text_without_marks,
)
from unit.support.builders import CLUSTER, FOREIGN, IDENTITY, OTHER_UID, UID, mark, released

OURS = OwnerMark(IDENTITY, "ml/llm", "a1")
OTHERS = OwnerMark(Identity(CLUSTER, OTHER_UID), "ml/other", "f1")

DESCRIPTIONS = [
    pytest.param(None, (), None, "", id="no-description"),
    pytest.param("", (), None, "", id="empty"),
    pytest.param("by hand", (), None, "by hand", id="no-mark"),
    pytest.param(mark(), (OURS,), None, "", id="mark-alone"),
    pytest.param(f"some  text {mark()}", (OURS,), None, "some text", id="text-and-mark"),
    pytest.param(f"{mark()} written behind", (OURS,), None, "written behind", id="text-behind-the-mark"),
    pytest.param(f"{mark()}{FOREIGN}", (OURS, OTHERS), None, "", id="two-owners"),
    pytest.param(f"{mark('a1')} {mark('a2')}", (OURS, OwnerMark(IDENTITY, "ml/llm", "a2")), None, "", id="two-tries"),
    pytest.param(mark(ADOPTED), (OwnerMark(IDENTITY, "ml/llm", ADOPTED),), None, "", id="adopted"),
    pytest.param(f"t {released()}", (), ReleasedMark(CLUSTER, "ml/llm"), "t", id="released"),
    pytest.param(f"t {mark().replace(' ', chr(10))}", (OURS,), None, "t", id="mark-wrapped-by-the-cloud"),
    pytest.param(f"t {mark().replace(' ', '  ')}", (OURS,), None, "t", id="mark-with-double-spaces"),
    pytest.param(
        f"t {released().replace(' ', chr(10))}", (), ReleasedMark(CLUSTER, "ml/llm"), "t", id="released-wrapped"
    ),
    pytest.param("[k8s c1 ml/llm uid=u]", (), None, "[k8s c1 ml/llm uid=u]", id="half-a-mark-is-none"),
    pytest.param("[K8S c1 ml/llm uid=u try=a]", (), None, "[K8S c1 ml/llm uid=u try=a]", id="case-counts"),
    pytest.param("[k8s  ]", (), None, "[k8s ]", id="brackets"),
]


@pytest.mark.parametrize(("description", "marks", "let_go", "text"), DESCRIPTIONS)
def test_reading(description: str | None, marks: tuple[OwnerMark, ...], let_go: ReleasedMark | None, text: str) -> None:
    """Marks are found wherever they stand; the rest is the user's, white space folded."""
    assert owner_marks(description) == marks
    assert released_mark(description) == let_go
    assert text_without_marks(description) == text


LONGEST_NAME = ".".join(["n" * 63] * 3 + ["n" * 61])
LONGEST_MARK = OwnerMark(Identity("c" * 32, UID), subject("s" * 63, LONGEST_NAME), "restored")


@pytest.mark.rule("I5")
def test_the_longest_of_everything_fits() -> None:
    """A name of 253 characters, a namespace of 63, a cluster id of 32, a uid of 36 leave room for 300 of text."""
    text = "t" * 300
    description = described(text, LONGEST_MARK)
    assert (len(LONGEST_NAME), len(UID)) == (253, 36)
    assert len(description) <= DESCRIPTION_LIMIT
    assert owner_marks(description) == (LONGEST_MARK,)
    assert text_without_marks(description) == text


def test_text_gives_way_to_the_mark() -> None:
    """The cloud's own text may be longer than a spec's: the mark stays whole."""
    description = described("t" * 500, OURS)
    assert len(description) == DESCRIPTION_LIMIT
    assert owner_marks(description) == (OURS,)


@pytest.mark.rule(I5="longest")
@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        pytest.param("ml", "llm", id="short"),
        pytest.param("s" * 63, "n" * 36, id="hundred"),
        pytest.param("s" * 63, LONGEST_NAME, id="longest"),
    ],
)
def test_names_fit(namespace: str, name: str) -> None:
    """A display name keeps within the vendor's 100 characters."""
    shown = display_name(namespace, name)
    assert len(shown) <= NAME_LIMIT
    whole = f"{namespace}/{name}"
    assert shown == whole if len(whole) <= NAME_LIMIT else shown.startswith(whole[:80])


@pytest.mark.rule("I5")
def test_shortened_names_differ() -> None:
    """What is cut off is told apart by the hash of the whole."""
    first, second = (subject("s" * 63, LONGEST_NAME[:-1] + last) for last in "ab")
    assert first != second


@pytest.mark.rule("I8")
@pytest.mark.parametrize(
    ("project", "token", "other_project", "other_token", "same"),
    [
        pytest.param("p1", "t1", "p1", "t2", True, id="a-rotated-token-of-one-project"),
        pytest.param("p1", "t1", "p2", "t1", False, id="two-projects"),
        pytest.param(None, "t1", None, "t2", False, id="two-tokens"),
        pytest.param(None, "t1", None, "t1", True, id="one-token"),
    ],
)
def test_scope(project: str | None, token: str, other_project: str | None, other_token: str, *, same: bool) -> None:
    """Scope is the project, else the token, which it does not show."""
    one = scope(project_id=project, token=token)
    assert (one == scope(project_id=other_project, token=other_token)) is same
    assert token not in one


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=36)
SUBJECTS = st.builds(subject, WORDS, st.text("abcxyz09-.", min_size=1, max_size=253))
MARKS = st.builds(
    OwnerMark, st.builds(Identity, WORDS.map(lambda word: word[:32]), WORDS), SUBJECTS, WORDS.map(lambda word: word[:8])
)
TEXTS = st.text(max_size=300).filter(lambda text: "[k8s" not in text)


@pytest.mark.rule("I3")
@given(TEXTS, MARKS)
def test_what_is_written_is_read(text: str, written: OwnerMark) -> None:
    """Any text and any mark come back, white space folded, within the limit."""
    description = described(text, written)
    assert len(description) <= DESCRIPTION_LIMIT
    assert owner_marks(description) == (written,)
    assert text_without_marks(description) == " ".join(text.split())


@given(TEXTS, MARKS)
def test_releasing_takes_the_owner_away(text: str, written: OwnerMark) -> None:
    """A released description names no owner, and whose it was."""
    let_go = ReleasedMark(written.identity.cluster_id, written.subject)
    description = described(text_without_marks(described(text, written)), let_go)
    assert owner_marks(description) == ()
    assert released_mark(description) == let_go
