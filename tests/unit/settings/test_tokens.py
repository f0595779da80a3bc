from pathlib import Path

import pytest

from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.settings import TokenFile

CANARY = "v1.canary-9f31c7"


def written(folder: Path, content: str) -> Path:
    path = folder / "token"
    path.write_text(content, encoding="utf-8")
    return path


def test_strips_white_space(tmp_path: Path) -> None:
    """The newline that editors and `echo` add is not part of the token."""
    assert TokenFile(written(tmp_path, f"  {CANARY}\n")).read().get_secret_value() == CANARY


def test_follows_a_replaced_file(tmp_path: Path) -> None:
    """A new file behind the same name, as Kubernetes swaps a mounted Secret, is read at the next call."""
    seen: list[str] = []
    (tmp_path / "old").write_text("the-first", encoding="utf-8")
    (tmp_path / "new").write_text("the-other", encoding="utf-8")
    link = tmp_path / "token"
    link.symlink_to("old")
    source = TokenFile(link, on_read=seen.append)
    assert source.read().get_secret_value() == "the-first"
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").rename(link)
    assert source.read().get_secret_value() == "the-other"
    assert seen == ["the-first", "the-other"]


def test_reads_an_unchanged_file_once(tmp_path: Path) -> None:
    """While the file stays, its content is not read again."""
    seen: list[str] = []
    source = TokenFile(written(tmp_path, CANARY), on_read=seen.append)
    assert source.read() == source.read()
    assert seen == [CANARY]


def test_recovers_when_the_file_comes_back(tmp_path: Path) -> None:
    """A token that vanished is an error, not the old one; once it is back it is used."""
    path = written(tmp_path, CANARY)
    source = TokenFile(path)
    source.read()
    path.unlink()
    with pytest.raises(CredentialsError, match="No such file"):
        source.read()
    written(tmp_path, CANARY)
    assert source.read().get_secret_value() == CANARY


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n", "is empty", id="blank"),
        pytest.param(f"Bearer {CANARY}", "not a token", id="with its scheme"),
        pytest.param(f"{CANARY}\n{CANARY}", "not a token", id="two lines"),
        pytest.param(f"{CANARY}é", "not a token", id="not ASCII"),
        pytest.param("abc", "is shorter than 8 characters", id="a part of many words"),
        pytest.param(CANARY * 10_000, "is longer", id="some other file"),
    ],
)
def test_refuses_what_is_no_token(tmp_path: Path, content: str, problem: str) -> None:
    """The error names the file and the problem, and nothing of the content, in its whole chain."""
    path = written(tmp_path, content)
    with pytest.raises(CredentialsError, match=problem) as caught:
        TokenFile(path).read()
    assert str(path) in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_says_that_a_folder_is_no_file(tmp_path: Path) -> None:
    """A mount point given instead of the file in it is named as what it is."""
    with pytest.raises(CredentialsError, match="Is a directory"):
        TokenFile(tmp_path).read()


def test_hides_the_token_when_shown(tmp_path: Path) -> None:
    """The token's own representation never shows it."""
    assert CANARY not in repr(TokenFile(written(tmp_path, CANARY)).read())
