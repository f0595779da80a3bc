"""With whose token the cloud is called, and where it is sent (ADR 38)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tokenfactory_operator.cli.access import access
from tokenfactory_operator.cli.errors import CliError
from tokenfactory_operator.cli.installation import Installation, SecretKey, chosen, parsed
from tokenfactory_operator.ports import Key

EVIL: Final = "https://evil.example"
DEFAULT: Final = "https://api.tokenfactory.nebius.com"
INSTALLED: Final = Installation(
    Key("ops", "operator"),
    environment={
        "TOKENFACTORY_API_URL": EVIL,
        "TOKENFACTORY_PROJECT_ID": "theirs",
        "TOKENFACTORY_CLUSTER_ID": "c7",
        "TOKENFACTORY_TOKEN_FILE": "/var/run/secrets/tokenfactory/token",
        "TOKENFACTORY_OF_A_NEWER_VERSION": "x",
    },
)


async def test_a_token_of_this_machine_is_not_sent_where_the_cluster_says() -> None:
    """Address and project are of this environment; what decides is the Deployment's."""
    found = await access(None, INSTALLED, {"TOKENFACTORY_TOKEN": "my-token"})
    assert found.needed().get_secret_value() == "my-token"
    assert (found.settings.api_url, found.settings.project_id) == (DEFAULT, None)
    assert found.settings.cluster_id == "c7"
    assert "TOKENFACTORY_TOKEN of this environment" in found.origin


async def test_a_setting_of_this_environment_beats_the_deployments() -> None:
    """Whoever types has the last word about where the operator's token goes."""
    found = await access(
        None, INSTALLED, {"TOKENFACTORY_API_URL": "http://127.0.0.1:1", "TOKENFACTORY_CLUSTER_ID": "c8"}
    )
    assert (found.settings.api_url, found.settings.project_id) == ("http://127.0.0.1:1", "theirs")
    assert found.settings.cluster_id == "c8"
    with pytest.raises(CliError, match="There is no token"):
        found.needed()


async def test_nothing_is_read_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of a Deployment are not mixed with those that happen to be in the environment of the process."""
    monkeypatch.setenv("TOKENFACTORY_RATE_LIMIT", "7")
    assert (await access(None, INSTALLED, {})).settings.rate_limit != 7


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({"TOKENFACTORY_TOKEN_FILE": "/nonexistent"}, "TOKENFACTORY_TOKEN_FILE", id="no such file"),
        pytest.param({"TOKENFACTORY_TOKEN": "a b"}, "TOKENFACTORY_TOKEN", id="no token"),
        pytest.param({"TOKENFACTORY_POLL_INTERVAL": "1s"}, "POLL_INTERVAL", id="settings that contradict"),
    ],
)
async def test_what_cannot_be_used(environ: dict[str, str], says: str) -> None:
    """One sentence that names the setting, and not the token."""
    with pytest.raises(CliError, match=says) as failure:
        await access(None, None, environ)
    assert "a b" not in failure.value.message


def a_deployment(**container: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """A Deployment with one container."""
    volumes = [{"name": "token", "secret": {"secretName": "s", "items": [{"key": "api-key", "path": "token"}]}}]
    pod = {"containers": [{"name": "sidecar"}, {"name": "operator", **container}], "volumes": volumes}
    return {"metadata": {"namespace": "ops", "name": "operator"}, "spec": {"replicas": 2, "template": {"spec": pod}}}


MOUNTED: Final = {"name": "token", "mountPath": "/secrets"}
FILE: Final = {"name": "TOKENFACTORY_TOKEN_FILE", "value": "/secrets/token"}
REFERRED: Final = {"name": "TOKENFACTORY_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}}


@pytest.mark.parametrize(
    ("container", "token"),
    [
        pytest.param({"env": [FILE], "volumeMounts": [MOUNTED]}, SecretKey("s", "api-key"), id="mounted"),
        pytest.param({"env": [REFERRED]}, SecretKey("t", "k"), id="variable"),
        pytest.param({"env": [FILE], "volumeMounts": [{**MOUNTED, "mountPath": "/other"}]}, None, id="elsewhere"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_where_the_token_of_a_deployment_is(container: dict[str, Any], token: SecretKey | None) -> None:
    """As the chart has it, and as others may."""
    assert parsed(a_deployment(**container)).token == token


@pytest.mark.parametrize(
    ("container", "elsewhere"),
    [
        pytest.param({"env": [FILE, REFERRED], "args": ["run"]}, False, id="as the chart has it"),
        pytest.param({"env": [{"name": "TOKENFACTORY_CLUSTER_ID", "valueFrom": {}}]}, True, id="reference"),
        pytest.param({"env": [{"name": "POD_NAME", "valueFrom": {}}]}, False, id="no setting"),
        pytest.param({"envFrom": [{"configMapRef": {"name": "x"}}]}, True, id="ConfigMap"),
        pytest.param({"args": ["run", "--cluster-id=prod"]}, True, id="flag"),
    ],
)
def test_settings_that_cannot_be_read(container: dict[str, Any], elsewhere: bool) -> None:  # noqa: FBT001
    """Nothing is concluded from their absence."""
    assert parsed(a_deployment(**container)).elsewhere is elsewhere


def test_which_operator_is_meant() -> None:
    """The one that serves the namespace, or that is named; else a person has to choose."""
    everywhere = Installation(Key("a", "x"))
    ml = Installation(Key("b", "y"), environment={"TOKENFACTORY_WATCH_NAMESPACES": "ml, web"})
    assert chosen([], named="", namespace="ml") is None
    assert chosen([ml], named="", namespace="other") is ml
    assert chosen([everywhere, ml], named="", namespace="other") is everywhere
    assert chosen([everywhere, ml], named="b/y", namespace="other") is ml
    for named in ("", "b/z"):
        with pytest.raises(CliError) as failure:
            chosen([everywhere, ml], named=named, namespace="ml")
        assert "a/x" in failure.value.hint
