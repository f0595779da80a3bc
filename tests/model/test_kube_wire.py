"""The comparison of what the adapter has made of an answer with what the API server has said, and its requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import SecretStr
from yarl import URL

from model.apiserver import Invalid
from model.kube_compare import difference
from model.kube_forms import Answered, Garbled
from model.kube_requests import LABEL, Listed, read
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer, RefusedByServer
from tokenfactory_operator.ports import Key

META = {"namespace": "a", "name": "x", "uid": "u1", "resourceVersion": "7", "finalizers": ["f"]}
ONE: dict[str, Any] = {"metadata": META, "spec": {"model": "m"}, "status": {"endpointId": "ep-1"}}
NEWER = {**ONE, "metadata": {**META, "resourceVersion": "8"}}
SECRET = {
    "metadata": {**META, "labels": {LABEL: "true"}},
    "data": {"token": base64.b64encode(b"t").decode()},
    "type": "Opaque",
}
UNLABELLED = {**SECRET, "metadata": {**META, "labels": {}}}
LISTED = Listed([ONE], "9", "")
PART = Listed([ONE], "9", "more")
GONE = KubeNotFound("gone")
BUSY = ApiServerError("busy", status=429, retry_after=3.0)


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (ONE, ONE),
        (ONE, {**ONE, "metadata": {**META, "annotations": {}}}),
        (SECRET, {"metadata": META, "data": {"token": SecretStr("t")}}),
        (UNLABELLED, None),
        (LISTED, ([ONE], "9")),
        (GONE, None),
        (GONE, GONE),
        (KubeConflict("newer"), KubeConflict("in other words")),
        (Answered("slow down", 429, retry_after=3), BUSY),
        (Answered("too large", 413), RefusedByServer("too large", status=413)),
        (Invalid("finalizers"), RefusedByServer("no", status=422)),
        (Answered("broken", 500), ApiServerError("broken", status=500)),
        (Garbled("a page"), KubeError("no JSON")),
        (Garbled("a page"), RefusedByServer("<html>", status=413)),
        (KubeError("no answer"), NoAnswer("broken")),
    ],
)
def test_what_may_be(said: Any, got: object) -> None:  # noqa: ANN401  # an answer
    """The same in all that matters; of an answer that says nothing any error that claims nothing."""
    assert difference([said], got) == ""


@pytest.mark.parametrize(
    ("said", "got"),
    [
        (ONE, None),
        (ONE, NEWER),
        (ONE, GONE),
        (ONE, {**ONE, "status": {}}),
        (ONE, {**ONE, "metadata": {**META, "finalizers": []}}),
        (SECRET, None),
        (SECRET, {"metadata": META, "data": {"token": SecretStr("other")}}),
        (LISTED, ([], "9")),
        (LISTED, ([NEWER], "9")),
        (LISTED, ([ONE], "8")),
        (PART, ([ONE], "9")),
        (GONE, ONE),
        (GONE, KubeConflict("newer")),
        (KubeConflict("newer"), ONE),
        (KubeConflict("newer"), GONE),
        (Answered("slow down", 429, retry_after=3), ApiServerError("busy", status=429)),
        (Answered("too large", 413), ApiServerError("too large", status=413)),
        (Answered("broken", 500), ApiServerError("broken", status=403)),
        (Answered("broken", 500), ONE),
        (Answered("no", 404), GONE),
        (Garbled("a page"), None),
        (Garbled("a page"), ONE),
        (Garbled("a page"), GONE),
        (KubeError("no answer"), ONE),
        (KubeError("no answer"), KubeConflict("newer")),
    ],
)
def test_what_may_not_be(said: Any, got: object) -> None:  # noqa: ANN401  # an answer
    """Another object or another version, a failure taken for a success, or for what nobody has said."""
    assert difference([said], got)


def test_a_secret_without_its_label() -> None:
    """It is not read; what a write to it is answered with is no secret."""
    body = {"metadata": META}
    assert difference([UNLABELLED], body, reads=True)
    assert difference([UNLABELLED], body) == ""


def test_a_call_that_sent_nothing() -> None:
    """It can only have failed."""
    assert difference([], KubeError("nothing was sent")) == ""
    assert difference([], ONE)


HEADERS = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
OBJECTS = "http://api.test/apis/tokenfactory.nebius.com/v1alpha1"


def test_a_request_is_read() -> None:
    """Resource, place, subresource and query."""
    url = URL(f"{OBJECTS}/namespaces/a/dedicatedendpoints/x/status?fieldManager=m")
    asked = read("PATCH", url, b'{"status": {}}', HEADERS)
    assert asked is not None
    assert (asked.verb, asked.plural, asked.key, asked.status) == ("patch", "dedicatedendpoints", Key("a", "x"), True)
    assert (asked.query, asked.body) == ({"fieldManager": "m"}, {"status": {}})
    listed = read("GET", URL(f"{OBJECTS}/dedicatedendpoints?limit=5"), None, HEADERS)
    assert listed is not None
    assert (listed.verb, listed.key) == ("list", Key("", ""))


@pytest.mark.parametrize("path", ["/apis/tokenfactory.nebius.com/v1/dedicatedendpoints", "/api/v1/pods", "/healthz"])
def test_what_is_not_served(path: str) -> None:
    """Another version, another resource, or none."""
    assert read("GET", URL(f"http://api.test{path}"), None, HEADERS) is None
