"""When the cloud was listed last, by metrics that are asked for through the API server, or at an address."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cli.checks import last_list as module
from tokenfactory_operator.cli.checks.last_list import AGE, METRICS_LIMIT, NAMED, NAMESPACES, Pod, judged, last_list
from tokenfactory_operator.cli.checks.result import Check, Verdict
from tokenfactory_operator.ports import Key
from tokenfactory_operator.settings import Settings
from unit.kube.loopback import CANARY, Loopback, answer, client_of, loopback, status_answer, status_object

POD: Final = Pod(Key("system", "operator-0"), 8080)
UNREACHABLE: Final = "error trying to reach service: dial tcp 10.0.0.7:8080: connect: connection refused"


def metrics(age: float) -> str:
    """What an operator serves, as far as it matters."""
    return exposed({"operator": age})


def exposed(ages: Mapping[str, float]) -> str:
    """Metrics with one age for each of these credentials."""
    samples = [f'{AGE}{{credential="{credential}"}} {age}\n' for credential, age in ages.items()]
    return f"# TYPE {AGE} gauge\n{''.join(samples)}"


def settings() -> Settings:
    """Those of an operator with the usual times."""
    return Settings(token="any-token")  # type: ignore[arg-type]  # pydantic makes the secret


async def reported(raw: bytes | None, *, request_timeout: float = 5.0) -> tuple[Check, Loopback]:
    """What is said where the API server answers so; None: it never does."""
    async with loopback(lambda _: raw) as server, client_of(server, request_timeout=request_timeout) as client:
        (check,) = await last_list(client, POD, settings(), "")
        return check, server


async def test_the_leaders_metrics_are_asked_for_through_the_api_server() -> None:
    """One GET of the pod's proxy."""
    check, server = await reported(answer(metrics(3.2)))
    assert [(request.method, request.target) for request in server.requests] == [
        ("GET", "/api/v1/namespaces/system/pods/operator-0:8080/proxy/metrics")
    ]
    assert (check.verdict, check.message) == (Verdict.OK, "The operator listed the cloud 3 s ago.")


@pytest.mark.parametrize(
    ("raw", "says", "step"),
    [
        pytest.param(
            status_answer(404, "NotFound"),
            "the pod system/operator-0, which holds the Lease, is not there.",
            "kubectl -n system get pod operator-0",
            id="the pod has gone",
        ),
        pytest.param(
            status_answer(403, "Forbidden"), "Your Kubernetes account may not", "get on pods/proxy", id="no right"
        ),
        pytest.param(status_answer(401, "Unauthorized"), "does not accept your", "get pod", id="no login"),
        pytest.param(
            answer(status_object(503, "ServiceUnavailable", message=UNREACHABLE), status=503),
            UNREACHABLE,
            "kubectl -n system get pod operator-0",
            id="nobody listens in the pod",
        ),
        pytest.param(answer("404 page not found", status=404), "answers with status 404", "get pod", id="another path"),
        pytest.param(answer("x" * (METRICS_LIMIT + 1)), "more than 8388608 bytes", "a pod of the operator", id="huge"),
        pytest.param(answer("<html>"), "no metrics of Prometheus", "--metrics-url", id="no metrics"),
        pytest.param(answer("up 1\n"), f"the metrics have no {AGE}", "--metrics-url", id="of another program"),
        pytest.param(answer(""), f"the metrics have no {AGE}", "--metrics-url", id="nothing"),
        pytest.param(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nu", "The API server", "get pod", id="cut off"),
        pytest.param(b"", "The API server", "get pod", id="hung up"),
    ],
)
async def test_what_stands_in_the_way(raw: bytes, says: str, step: str) -> None:
    """One sentence about it, and what to do; the rest of the report goes on. No secret is in it."""
    check, _ = await reported(raw)
    assert check.verdict is Verdict.UNKNOWN
    assert check.message.startswith("When the cloud was listed last is not known: ")
    assert says in check.message
    assert step in check.next_step
    assert "\n" not in check.message + check.next_step
    assert CANARY not in check.message


async def test_a_pod_that_never_answers() -> None:
    """The request has a time limit."""
    check, _ = await reported(None, request_timeout=0.1)
    assert check.verdict is Verdict.UNKNOWN
    assert "no answer within 0.1 s" in check.message


async def test_nobody_leads() -> None:
    """Nothing is asked for; the address can be named."""
    async with loopback(lambda _: None) as server, client_of(server) as client:
        (check,) = await last_list(client, None, settings(), "")
    assert (check.verdict, server.requests) == (Verdict.UNKNOWN, [])
    assert "--metrics-url http://" in check.next_step


def _refused(server: Loopback) -> str:
    return f"{server.url.rpartition(':')[0]}:9/metrics"


@pytest.mark.parametrize(
    ("raw", "address", "says"),
    [
        pytest.param(answer(metrics(2)), lambda server: server.url, "2 s ago", id="well"),
        pytest.param(answer("", status=404), lambda server: server.url, "answers with status 404", id="404"),
        pytest.param(answer("<html>"), lambda server: server.url, "no metrics of Prometheus", id="no metrics"),
        pytest.param(b"", lambda server: server.url, "does not answer", id="hung up"),
        pytest.param(b"", _refused, "does not answer", id="nobody listens"),
        pytest.param(b"", lambda _: "localhost:8080", "does not answer", id="no scheme"),
        pytest.param(b"", lambda _: "http://[", "does not answer", id="no address"),
    ],
)
async def test_an_address_of_the_metrics(raw: bytes, address: Callable[[Loopback], str], says: str) -> None:
    """It comes before the pod, and its failures are a sentence too."""
    async with loopback(lambda _: raw) as server, client_of(server) as client:
        (check,) = await last_list(client, POD, settings(), address(server))
    assert says in check.message
    assert "\n" not in check.message
    assert check.verdict is Verdict.OK or "--metrics-url http://" in check.next_step


@pytest.mark.parametrize(
    ("age", "verdict", "says"),
    [
        pytest.param(0.0, Verdict.OK, "0 s ago", id="now"),
        pytest.param(1e6, Verdict.PROBLEM, "1000000 s ago", id="long ago"),
        pytest.param(math.inf, Verdict.PROBLEM, "or its own token cannot be read", id="never"),
    ],
)
def test_its_age(age: float, verdict: Verdict, says: str) -> None:
    """A list that is older than the operator allows is a problem, and so is none."""
    (check,) = judged(metrics(age), settings())
    assert (check.verdict, says in check.message) == (verdict, True)
    assert bool(check.next_step) == (verdict is Verdict.PROBLEM)


def test_the_limit_is_that_of_the_settings() -> None:
    """One second on each side of it."""
    limit = settings().timing().stale_after
    verdicts = [judged(metrics(limit + more), settings())[0].verdict for more in (-1, 1)]
    assert verdicts == [Verdict.OK, Verdict.PROBLEM]


@pytest.mark.parametrize("age", [pytest.param(1e6, id="long ago"), pytest.param(math.inf, id="never")])
def test_the_credentials_of_a_namespace(age: float) -> None:
    """They are not the operator's own: its verdict stays, and one warning names the namespaces."""
    ages = {"operator": 2.0, "namespace/b": age, "namespace/a": age, "namespace/well": 3.0}
    own, others = judged(exposed(ages), settings())
    assert (own.verdict, own.message) == (Verdict.OK, "The operator listed the cloud 2 s ago.")
    assert (others.verdict, others.name) == (Verdict.WARNING, NAMESPACES)
    assert "with credentials of 2 namespaces: a, b." in others.message
    assert "kubectl -n a get dep" in others.next_step


def test_many_namespaces() -> None:
    """Some are named, the others are counted."""
    ages = {"operator": 2.0} | {f"namespace/n{number}": math.inf for number in range(NAMED + 7)}
    _, others = judged(exposed(ages), settings())
    assert f"of {NAMED + 7} namespaces: " in others.message
    assert others.message.endswith(" and 7 more.")


def test_the_operators_own_token_is_not_used() -> None:
    """As while its file cannot be read: no list is made with it, and that a namespace's is well says nothing."""
    own, *others = judged(exposed({"namespace/a": 2.0}), settings())
    assert (own.verdict, others) == (Verdict.PROBLEM, [])
    assert "does not list the cloud with its own token" in own.message


def test_what_is_no_namespace() -> None:
    """A pod is not trusted: what is no name of a namespace is left out, so nothing of it is printed."""
    assert len(judged(exposed({"operator": 2.0, "namespace/a\\nb": math.inf, "x": math.inf}), settings())) == 1


PIECES: Final = (*'{}=",# \n\\01.eE+-', AGE, "TYPE", "HELP", "gauge", "nan", "a")


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_whatever_is_served_is_a_sentence(pieces: list[str]) -> None:
    """A pod is not trusted: no text of it ends the report."""
    assert judged("".join(pieces), settings())[0].name == module.NAME
