"""What each answer of the API server means."""

import json

import pytest

from tokenfactory_operator.domain.errors import MAX_TEXT, Handling, KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.errors import (
    ApiServerError,
    Cause,
    RefusedByServer,
    SetupError,
    from_answer,
    retry_after_seconds,
)
from unit.kube.loopback import status_object


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(404, json.dumps(status_object(404, "NotFound")), KubeNotFound, id="object missing"),
        pytest.param(404, "404 page not found\n", ApiServerError, id="path not served proves nothing"),
        pytest.param(404, json.dumps({"reason": "NotFound"}), ApiServerError, id="404 in another form"),
        pytest.param(404, json.dumps(status_object(404, "Unknown")), ApiServerError, id="404 for another reason"),
        pytest.param(404, "[]", ApiServerError, id="404 that is a list"),
        pytest.param(409, json.dumps(status_object(409, "Conflict")), KubeConflict, id="version changed"),
        pytest.param(409, json.dumps(status_object(409, "AlreadyExists")), KubeConflict, id="name taken"),
        pytest.param(409, "conflict", ApiServerError, id="409 of a proxy"),
        pytest.param(401, json.dumps(status_object(401, "Unauthorized")), ApiServerError, id="unauthorized"),
        pytest.param(403, json.dumps(status_object(403, "Forbidden")), ApiServerError, id="forbidden"),
        pytest.param(422, json.dumps(status_object(422, "Invalid")), RefusedByServer, id="invalid"),
        pytest.param(503, "<html>upstream</html>", ApiServerError, id="html"),
        pytest.param(500, "", ApiServerError, id="empty"),
        pytest.param(502, b"\xff\xfe", ApiServerError, id="no text"),
    ],
)
def test_class_follows_from_answer(status: int, body: str | bytes, expected: type[KubeError]) -> None:
    """Only the API server's own form proves a conflict or an absence."""
    raw = body if isinstance(body, bytes) else body.encode()
    assert type(from_answer("GET /x", status=status, body=raw)) is expected


def test_keeps_causes_status_and_bounded_text() -> None:
    """What a caller may decide by is kept, and the text has an end."""
    document = status_object(403, "Forbidden", "NamespaceTerminating", message="m" * 10_000)
    error = from_answer("POST /x", status=403, body=json.dumps(document).encode(), retry_after="7")
    assert isinstance(error, ApiServerError)
    assert (error.status, error.retry_after) == (403, 7.0)
    assert error.causes == frozenset({Cause("NamespaceTerminating")})
    assert len(error.message) == MAX_TEXT
    assert error.message.startswith("POST /x")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("1", 1.0, id="a second"),
        pytest.param(" 30 ", 30.0, id="blanks"),
        pytest.param("86400", 300.0, id="bounded"),
        pytest.param("-1", None, id="negative"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="a date, which the API server never sends"),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Whole seconds are obeyed up to five minutes."""
    assert retry_after_seconds(header) == seconds


def test_setup_error_is_terminal() -> None:
    """A wrong set-up is not retried."""
    error = SetupError("no cluster")
    assert error.handling is Handling.TERMINAL
    assert not error.retryable
