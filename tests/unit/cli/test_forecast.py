"""What `plan` makes of an answer that is no object: who has to do what, by the answer's form and not by its words."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tokenfactory_operator.cli.applying import Applied
from tokenfactory_operator.cli.forecast import FieldChange, Forecast, Verb, refused
from tokenfactory_operator.cli.output import Output
from tokenfactory_operator.cli.plan import show
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.errors import NoAnswer, from_answer
from unit.support.builders import KEY, SPEC, an_endpoint, an_object

Causes = tuple[tuple[str, str], ...]
FORBIDDEN: Final = ("FieldValueForbidden", "spec.region")
INVALID: Final = ("FieldValueInvalid", "spec.scaling.minReplicas")


def answered(status: int, causes: Causes = (), message: str = "no") -> KubeError:
    """What an apply is answered."""
    details = {"causes": [{"reason": reason, "field": field, "message": "x"} for reason, field in causes]}
    body = {"kind": "Status", "reason": "Any", "message": message, "details": details}
    return from_answer("PATCH /x", status=status, body=json.dumps(body).encode())


def plan_of(error: KubeError, **spec: Any) -> Any:  # noqa: ANN401  # JSON
    """The forecast for a manifest that differs in the region, and has lost what the object names."""
    before = an_object(spec={"region": "eu-west1", "endpointId": "ep-1"})
    before["status"]["endpointId"] = "ep-1"
    applied = Applied(KEY, {"spec": {**SPEC, **spec}}, before, None, error)
    return refused(applied, error, an_endpoint())


@pytest.mark.parametrize(
    ("error", "verb"),
    [
        pytest.param(answered(422, (FORBIDDEN,)), Verb.REPLACE, id="immutable"),
        pytest.param(answered(422, (FORBIDDEN, INVALID)), Verb.REFUSED, id="immutable, and something else"),
        pytest.param(answered(422, (INVALID,)), Verb.REFUSED, id="another field"),
        pytest.param(answered(422, (("FieldValueInvalid", "spec.region"),)), Verb.REFUSED, id="no valid value"),
        pytest.param(answered(422, (("FieldValueRequired", "spec.model"),)), Verb.REFUSED, id="misspelt"),
        pytest.param(answered(422), Verb.REFUSED, id="an admission policy"),
        pytest.param(answered(403), Verb.REFUSED, id="no right"),
        pytest.param(KubeNotFound("PATCH /x: namespaces ml not found"), Verb.REFUSED, id="no namespace"),
        pytest.param(answered(500), Verb.UNKNOWN, id="a webhook that does not answer"),
        pytest.param(answered(409), Verb.UNKNOWN, id="changed meanwhile"),
        pytest.param(answered(429), Verb.UNKNOWN, id="too many requests"),
        pytest.param(NoAnswer("PATCH /x: cut"), Verb.UNKNOWN, id="network"),
        pytest.param(KubeError("PATCH /x: the answer cannot be used"), Verb.UNKNOWN, id="no answer of Kubernetes"),
    ],
)
def test_only_a_field_that_cannot_be_changed_needs_another_object(error: KubeError, verb: Verb) -> None:
    """Whatever else differs: a running endpoint is not to be deleted because of it."""
    forecast = plan_of(error)
    assert forecast.verb is verb
    changed = (FieldChange("region", "eu-west1", "eu-north1"),) if verb is Verb.REPLACE else ()
    assert forecast.changes == changed
    assert (forecast.endpoint_id, forecast.before, forecast.after.reserved) == ("ep-1", forecast.after, 2)


def test_a_value_is_one_visible_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A description of the cloud can neither steer the terminal nor add a line to the plan."""
    change = FieldChange("description", "a\x1b[31m\n+ ml/x: create", "")
    show(Output(), [Forecast(KEY, Verb.CHANGE, "unchanged", changes=(change,))])
    assert r'description: a\x1b[31m\n+ ml/x: create → ""' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(answered(422, (INVALID,), "x is invalid"), "x is invalid", id="refused"),
        pytest.param(answered(403, (), "denied"), "Your Kubernetes account may not do that: denied", id="no right"),
        pytest.param(NoAnswer("PATCH /x: cut"), "The API server cannot be reached: cut", id="network"),
    ],
)
def test_it_is_said_to_whoever_types(error: KubeError, message: str) -> None:
    """Who is not the operator, and has not its account."""
    assert plan_of(error).message == message
