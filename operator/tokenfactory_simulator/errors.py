"""How a request is refused: `ApiError` with one sentence, or `InvalidError` with the fields at fault.

The forms are the vendor's: FastAPI's `{"detail": …}`, and an OpenAI-like `{"error": {…}}` seen elsewhere.
"""

import json
from typing import Any, Literal

ErrorForm = Literal["detail", "openai", "html", "empty", "malformed"]


class ApiError(Exception):
    """A refusal: a status code, a sentence for people, and `kind`, the machine-readable type."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


class InvalidError(ApiError):
    """422 for a body that has the right types and still cannot be had; `problems` are FastAPI's error objects."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(422, "; ".join(problem["msg"] for problem in problems))
        self.problems = problems


def problem(field: str, given: object, message: str, **context: object) -> dict[str, Any]:
    """One entry of a 422 `detail` list."""
    return {"type": "value_error", "loc": ["body", field], "msg": message, "input": given, "ctx": context}


def error_body(form: ErrorForm, status: int, message: str, kind: str) -> tuple[str, bytes]:
    """Content type and body of an error in that form; `malformed` is a JSON answer that breaks off."""
    if form == "html":
        page = f"<html><head><title>{status}</title></head><body><h1>{message}</h1><hr>gateway</body></html>"
        return "text/html; charset=utf-8", page.encode()
    if form == "empty":
        return "text/plain", b""
    content: dict[str, Any] = {"detail": message}
    if form == "openai":
        content = {"error": {"message": message, "type": kind, "code": str(status)}}
    body = json.dumps(content).encode()
    return "application/json", body[: len(body) // 2] if form == "malformed" else body
