"""`pause` and `resume`: what is waited for, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.main import main
from tokenfactory_operator.cli.session import Session
from unit.support.builders import KEY, an_object

Told = Callable[..., None]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Has the operator report these conditions of the only object, whatever is written to it."""
    body = an_object()

    class Cluster:
        """One object."""

        async def get(self, _: object) -> Any:  # noqa: ANN401  # JSON
            return body

        async def request(self, *_: object, **given: Any) -> None:  # noqa: ANN401  # JSON
            assert set(given["body"]["metadata"]["annotations"]) == {api.PAUSED}

    async def cluster(_: Session) -> Cluster:
        return Cluster()

    async def namespace(_: Session) -> str:
        return KEY.namespace

    for name in ("objects", "client"):
        monkeypatch.setattr(Session, name, cluster)
    monkeypatch.setattr(Session, "namespace", namespace)

    def tell(**conditions: tuple[str, str]) -> None:
        time = "2026-01-01T00:00:00Z"
        body["status"] = {
            "observedGeneration": body["metadata"]["generation"],
            "uid": body["metadata"]["uid"],
            "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": time}
                for kind, (status, reason) in conditions.items()
            ],
        }

    return tell


@pytest.mark.parametrize(
    ("ready", "synced", "says"),
    [
        pytest.param(("True", "Available"), ("False", "ReconcilePaused"), "is paused.", id="paused"),
        *(
            pytest.param(
                ("Unknown", reason),
                ("False", reason),
                f"is paused; the cloud is not seen at present ({reason}).",
                id=reason,
            )
            for reason in ("Unauthorized", "CloudUnavailable", "CredentialsMissing", "RateLimited")
        ),
    ],
)
def test_paused(
    ready: tuple[str, str], synced: tuple[str, str], says: str, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an outage nothing is judged, so no condition ever says that it is paused: that is no failure."""
    told(Ready=ready, Synced=synced)
    assert main(["pause", KEY.name, "--timeout", "0.01"]) == Exit.DONE
    assert capsys.readouterr().out.endswith(f"{KEY} {says}\n")


@pytest.mark.parametrize(
    ("ready", "synced"),
    [
        pytest.param(("True", "Available"), ("True", "ReconcileSuccess"), id="in order"),
        pytest.param(("Unknown", "EndpointLost"), ("Unknown", "EndpointLost"), id="lost"),
        pytest.param(("Unknown", "CredentialsMismatch"), ("False", "CredentialsMismatch"), id="another project"),
        pytest.param(("Unknown", "OperatorDefect"), ("False", "OperatorDefect"), id="defect"),
        pytest.param(("False", "Creating"), ("False", "Creating"), id="under way"),
    ],
)
def test_the_operator_has_not_acted(
    ready: tuple[str, str], synced: tuple[str, str], told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the cloud shows is judged, so the operator will say that it is paused."""
    told(Ready=ready, Synced=synced)
    assert main(["pause", KEY.name, "--timeout", "0.01"]) == Exit.LATE
    assert "has not acted on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ready", "synced", "code", "says"),
    [
        pytest.param(("True", "Available"), ("True", "ReconcileSuccess"), 0, "goes on.", id="goes on"),
        pytest.param(("True", "Available"), ("False", "ReconcilePaused"), 3, "", id="not yet"),
        pytest.param(
            ("Unknown", "Forbidden"),
            ("False", "Forbidden"),
            0,
            "goes on; the cloud is not seen at present (Forbidden).",
            id="unseen",
        ),
    ],
)
def test_resumed(  # each is a parameter
    ready: tuple[str, str],
    synced: tuple[str, str],
    code: int,
    says: str,
    told: Told,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same holds for the end of a pause."""
    told(Ready=ready, Synced=synced)
    assert main(["resume", KEY.name, "--timeout", "0.01"]) == code
    assert says in capsys.readouterr().out
