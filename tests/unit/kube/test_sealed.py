"""What a Secret's value becomes: a token, or something of which it is told truly why it is none."""

from __future__ import annotations

import base64

import pytest

from tokenfactory_operator.credentials.choice import check_token
from tokenfactory_operator.kube.secrets import sealed


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param("canary-1".encode("utf-16"), "outside printable ASCII", id="UTF-16"),
        pytest.param(b"canary-\xe9", "outside printable ASCII", id="Latin-1"),
        pytest.param(b"\xef\xbb\xbfcanary-1", "outside printable ASCII", id="a byte order mark"),
        pytest.param(b"canary\x001", "outside printable ASCII", id="a zero"),
        pytest.param(b"\xff" * 9000, "longer than", id="long"),
        pytest.param(b" \n", "is empty", id="blank"),
        pytest.param(b"", "is empty", id="nothing"),
    ],
)
def test_what_is_no_token(value: bytes, problem: str) -> None:
    """A value that is there is never called empty."""
    body = {"metadata": {"name": "key"}, "data": {"token": base64.b64encode(value).decode()}}
    found = sealed(body, {"token"})["data"]["token"]
    with pytest.raises(ValueError, match=problem):
        check_token(found.get_secret_value())


@pytest.mark.parametrize("value", ["é", "=", 7, None])
def test_what_is_no_base64(value: object) -> None:
    """A proxy may answer in place of the API server: the value is an empty one, and no call fails in another way."""
    body = {"metadata": {"name": "key"}, "data": {"token": value}}
    assert sealed(body, {"token"})["data"]["token"].get_secret_value() == ""
