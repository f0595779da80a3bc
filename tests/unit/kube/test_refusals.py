"""Which refused writes are told, where, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.errors import NAMESPACE_TERMINATING, ApiServerError, Cause, NoAnswer
from tokenfactory_operator.kube.paths import REVIEWS
from tokenfactory_operator.kube.refusals import EVENT, FORGOTTEN_AFTER, PATIENCE, Refusals
from tokenfactory_operator.ports import JsonObject, Key

OBJECT = "/apis/tokenfactory.nebius.com/v1alpha1/namespaces/ml/dedicatedendpoints/a"
DENIED = ApiServerError("PATCH a: forbidden, says a policy", status=403)


class Heard:
    """Who is told: the counter, the recorder and who asks for the rights again."""

    def __init__(self) -> None:
        self.time = 0.0
        self.counted: list[int] = []
        self.events: list[tuple[str, str]] = []
        self.doubted: list[str] = []
        self.refusals = Refusals(now=lambda: self.time, count=self.counted.append)
        self.refusals.tell(self, self._object_at, self.doubted.append)

    def _object_at(self, key: Key) -> JsonObject | None:
        return {"metadata": {"namespace": key.namespace, "name": key.name}} if key.name != "gone" else None

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """As of `ports.Recorder`."""
        assert (reason, warning) == (EVENT, True)
        self.events.append((subject["metadata"]["name"], message))

    def patched(self, path: str, error: KubeError | None) -> None:
        """A PATCH was answered."""
        self.refusals.answered("PATCH", path, error)


def server_error(status: int, **options: Any) -> ApiServerError:  # noqa: ANN401  # what the error takes
    """An answer of that status."""
    return ApiServerError(f"answered {status}", status=status, **options)


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        pytest.param(server_error(403), True, id="forbidden"),
        pytest.param(server_error(401), True, id="unauthorized"),
        pytest.param(server_error(422), True, id="an admission policy"),
        pytest.param(server_error(400), True, id="a webhook's own code"),
        pytest.param(
            server_error(422, causes=frozenset({Cause("FieldValueInvalid", "spec.x")})), False, id="the schema"
        ),
        pytest.param(
            server_error(403, causes=frozenset({Cause(NAMESPACE_TERMINATING)})), False, id="namespace terminating"
        ),
        pytest.param(server_error(500), False, id="server error"),
        pytest.param(server_error(429), False, id="too many requests"),
        pytest.param(NoAnswer("cut"), False, id="network"),
    ],
)
def test_what_a_person_has_to_mend_is_told(error: KubeError, *, reported: bool) -> None:
    """It is counted, `/readyz` has its sentence, the object an Event, and the rights are asked for again."""
    heard = Heard()
    heard.patched(f"{OBJECT}/status", error)
    assert bool(heard.counted) is reported
    assert (error.message in (heard.refusals.problem() or "")) is reported
    assert heard.events == ([("a", error.message)] if reported else [])
    assert heard.doubted == (["ml"] if reported else [])


WEBHOOK = "failed calling webhook: context deadline exceeded"


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        pytest.param(ApiServerError(WEBHOOK, status=500), True, id="a webhook that does not answer"),
        pytest.param(ApiServerError("denied", status=451), True, id="a webhook's own code"),
        pytest.param(KubeConflict("denied"), True, id="a webhook that denies by 409"),
        pytest.param(KubeNotFound("denied"), True, id="a webhook that denies by 404"),
        pytest.param(NoAnswer("cut"), False, id="network"),
    ],
)
def test_what_fails_for_long_is_told_whatever_its_code(error: KubeError, *, reported: bool) -> None:
    """A moment of it is usual, and is told to nobody; another object's success says nothing about this one."""
    heard = Heard()
    for heard.time in (0.0, PATIENCE - 1):
        heard.patched(f"{OBJECT}/status", error)
        heard.patched(f"{OBJECT}/status".replace("/a/", "/b/"), None)
    assert (heard.events, heard.refusals.problem()) == ([], None)
    heard.time = PATIENCE
    heard.patched(f"{OBJECT}/status", error)
    assert heard.events == ([("a", error.message)] if reported else [])
    assert (error.message in heard.refusals.note()) is reported


def test_what_fails_for_long_in_one_namespace_makes_nobody_unready() -> None:
    """An object that is too large for etcd is a 500 too. In two namespaces it is no object's fault."""
    heard, elsewhere = Heard(), f"{OBJECT}/status".replace("/ml/", "/ops/")
    for heard.time in (0.0, PATIENCE):
        for path in (f"{OBJECT}/status", f"{OBJECT}/status".replace("/a/", "/b/"), OBJECT):
            heard.patched(path, ApiServerError("etcdserver: request is too large", status=500))
    assert heard.refusals.problem() is None
    assert "request is too large" in heard.refusals.note()
    for heard.time in (PATIENCE + 1, 2 * PATIENCE + 1):
        heard.patched(elsewhere, ApiServerError(WEBHOOK, status=500))
    assert heard.refusals.problem() is not None
    heard.patched(elsewhere, None)
    assert heard.refusals.problem() is None
    heard.patched(elsewhere, DENIED)
    assert heard.refusals.problem() is not None


def test_failures_that_are_far_apart_do_not_last() -> None:
    """The first may be of another object of the same name."""
    heard = Heard()
    for heard.time in (0.0, FORGOTTEN_AFTER + 1):
        heard.patched(OBJECT, KubeNotFound("gone"))
    assert heard.events == []


def test_failures_with_a_success_between_them_do_not_last() -> None:
    """Conflicts come and go in everyday work."""
    heard = Heard()
    for heard.time in (0.0, PATIENCE, 2 * PATIENCE):
        heard.patched(OBJECT, KubeConflict("changed"))
        heard.patched(OBJECT, None)
    assert heard.events == []


def test_it_ends_with_the_next_accepted_write_of_the_kind() -> None:
    """Another kind's success, or another namespace's, says nothing."""
    heard = Heard()
    heard.patched(f"{OBJECT}/status", DENIED)
    heard.patched(OBJECT, None)
    heard.patched(f"{OBJECT}/status".replace("/ml/", "/ops/"), None)
    assert heard.refusals.problem() is not None
    heard.patched(f"{OBJECT}/status".replace("/a/", "/b/"), None)
    assert heard.refusals.problem() is None


def test_it_is_forgotten() -> None:
    """An object that is gone is written no more, so time ends what no success can."""
    heard = Heard()
    heard.patched(OBJECT, DENIED)
    heard.time = FORGOTTEN_AFTER - 1
    assert heard.refusals.problem() is not None
    heard.time = FORGOTTEN_AFTER
    assert heard.refusals.problem() is None


def test_an_object_is_told_once() -> None:
    """The same refusal again is no new Event; after a success it is."""
    heard = Heard()
    for error in (DENIED, DENIED, server_error(401), None, DENIED):
        heard.patched(OBJECT, error)
    assert [message for _, message in heard.events] == [DENIED.message, "answered 401", DENIED.message]
    heard.patched(OBJECT.replace("/a", "/gone"), DENIED)
    assert len(heard.events) == 3


@pytest.mark.parametrize("word", ["events-prod", "leases", "configmaps"])
def test_a_namespace_may_have_a_word_of_paths_for_its_name(word: str) -> None:
    """A refused write there is no refused Event, and no Lease."""
    heard = Heard()
    heard.patched(OBJECT.replace("/ml/", f"/{word}/"), DENIED)
    assert heard.events == [("a", DENIED.message)]
    assert heard.refusals.note() != "none"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", OBJECT, id="a read"),
        pytest.param("POST", REVIEWS.within(), id="a question about rights"),
        pytest.param("PATCH", "/apis/coordination.k8s.io/v1/namespaces/ops/leases/l", id="the Lease, told elsewhere"),
    ],
)
def test_what_is_no_write_of_ours_is_only_counted(method: str, path: str) -> None:
    """It makes nobody unready."""
    heard = Heard()
    heard.refusals.answered(method, path, DENIED)
    assert heard.counted == [403]
    assert heard.refusals.problem() is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/api/v1/namespaces/ml/events", id="an Event"),
        pytest.param("POST", "/api/v1/namespaces/ml/configmaps", id="a ConfigMap"),
        pytest.param("GET", "/api/v1/namespaces/ml/configmaps/app", id="a look at a ConfigMap"),
    ],
)
def test_what_serves_no_endpoint_makes_nobody_unready(method: str, path: str) -> None:
    """A quota in one namespace, or its Role that is gone, may refuse it: the rights are asked for again."""
    heard = Heard()
    heard.refusals.answered(method, path, DENIED)
    assert (heard.counted, heard.doubted, heard.refusals.problem()) == ([403], ["ml"], None)


def test_several_places_are_counted() -> None:
    """One is quoted, the others are a number."""
    heard = Heard()
    for path in (OBJECT, f"{OBJECT}/status", OBJECT.replace("/ml/", "/ops/")):
        heard.patched(path, DENIED)
    assert "at 2 more places" in (heard.refusals.problem() or "")


def test_what_is_said_is_of_the_namespaces_share(caplog: pytest.LogCaptureFixture) -> None:
    """One object whose writes are refused beside one whose writes are not would fill the log for everybody else."""
    heard = Heard()
    with caplog.at_level("INFO"):
        for error in (DENIED, None):
            heard.patched(OBJECT, error)
    assert [vars(record)["namespace"] for record in caplog.records] == ["ml", "ml"]
