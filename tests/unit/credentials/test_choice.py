"""With whose rights an object's calls are made, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.credentials.choice import Credential, Credentials
from tokenfactory_operator.domain.errors import CredentialsError
from unit.support.builders import an_object, labelled_secret
from unit.support.secrets import values_of

OWN = "own-token-000000"
TOKEN = "team-token-11111"


def credentials(*secrets: Mapping[str, Any], **more: Any) -> Credentials:  # noqa: ANN401 - keywords of the class
    """With these Secrets seen."""
    given: dict[str, Any] = {"own": lambda: SecretStr(OWN), "project_id": "home", **more}
    return Credentials(values_of(*secrets), **given)


def asking(**reference: str) -> dict[str, Any]:
    """An object that names the Secret `key`."""
    project = {"projectId": reference.pop("project")} if "project" in reference else {}
    body: dict[str, Any] = an_object(spec={"credentials": {"secretRef": {"name": "key", **reference}, **project}})
    return body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(an_object(), Credential(SecretStr(OWN), "home"), id="the operator's own"),
        pytest.param(
            an_object(spec={"credentials": {}}), Credential(SecretStr(OWN), "home"), id="own: credentials are empty"
        ),
        pytest.param(asking(), Credential(SecretStr(TOKEN)), id="a Secret, without the operator's project"),
        pytest.param(asking(project="p2"), Credential(SecretStr(TOKEN), "p2"), id="a Secret and a project"),
        pytest.param(asking(key="spare"), Credential(SecretStr("spare-token-2222")), id="another key"),
    ],
)
def test_whose(body: dict[str, Any], expected: Credential) -> None:
    """Token and project together; a token is taken without white space around it."""
    found = credentials(labelled_secret("key", token=f" {TOKEN}\n", spare="spare-token-2222")).of(body)
    assert found == expected
    assert hash(found) == hash(expected)


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        pytest.param((), "There is no Secret key with the label", id="there is none"),
        pytest.param((labelled_secret("key", namespace="other", token=TOKEN),), "There is no Secret", id="elsewhere"),
        pytest.param((labelled_secret("key", other=TOKEN),), "has no key token", id="another key"),
        pytest.param((labelled_secret("key", token=""),), "holds no token", id="empty"),
        pytest.param((labelled_secret("key", token="x" * 4097),), "is longer than 4096 characters", id="too long"),
        pytest.param((labelled_secret("key", token="abc-123"),), "is shorter than 8 characters", id="too short"),
        pytest.param((labelled_secret("key", token="a b"),), "holds no token", id="white space inside"),
        pytest.param((labelled_secret("key", terminating=True, token=TOKEN),), "is being deleted", id="terminating"),
    ],
)
def test_none(secrets: tuple[dict[str, Any], ...], says: str) -> None:
    """The sentence names the Secret, and never what is in it."""
    with pytest.raises(CredentialsError) as caught:
        credentials(*secrets).of(asking())
    assert says in caught.value.message
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize("finalizer", [api.IN_USE, "other/one"])
@pytest.mark.parametrize(
    ("metadata", "status", "serves"),
    [
        pytest.param({"finalizers": [api.FINALIZER]}, {}, True, id="held"),
        pytest.param({}, {"endpointId": "ep-1"}, True, id="its finalizer was stripped"),
        pytest.param({}, {"createAttempt": {"id": "a1", "state": "Pending"}}, True, id="an open attempt"),
        pytest.param({}, {"createAttempt": {"id": "a1", "state": "Refused"}}, False, id="nothing was made"),
        pytest.param({"finalizers": ["other/one"]}, {}, False, id="new"),
    ],
)
def test_a_secret_that_is_being_deleted(
    finalizer: str,
    metadata: dict[str, Any],
    status: dict[str, Any],
    serves: bool,  # noqa: FBT001 - a table's column
) -> None:
    """As long as it is there it serves what may have an endpoint, and is never first used by anything else."""
    given = credentials(labelled_secret("key", terminating=True, finalizers=(finalizer,), token=TOKEN))
    body = asking()
    body["metadata"] |= {"finalizers": [], **metadata}
    body["status"] = status
    if serves:
        assert given.of(body).token.get_secret_value() == TOKEN
        return
    with pytest.raises(CredentialsError, match="is being deleted, so nothing new is begun with it"):
        given.of(body)


def test_namespaces_that_bring_their_own() -> None:
    """Where the operator's own is not for everybody, the others are told what to name; a Secret always serves."""
    given = credentials(labelled_secret("key", token=TOKEN), own_allowed=lambda namespace: namespace == "elsewhere")
    with pytest.raises(CredentialsError, match=r"spec\.credentials\.secretRef"):
        given.of(an_object())
    assert given.of(asking()).token.get_secret_value() == TOKEN


def test_secrets_switched_off() -> None:
    """The setting is named."""
    given = Credentials(None, own=lambda: SecretStr(OWN), project_id=None)
    with pytest.raises(CredentialsError, match="TOKENFACTORY_SECRET_CREDENTIALS"):
        given.of(asking())
    assert given.of(an_object()) == Credential(SecretStr(OWN))


def test_own_token_is_followed() -> None:
    """A new value is news once; a file that cannot be read too, and so is its return."""
    answers = iter([OWN, OWN, "next-token-33333", None, None, "next-token-33333"])

    def read() -> SecretStr:
        value = next(answers)
        if value is None:
            raise CredentialsError("token file /t: No such file")
        return SecretStr(value)

    given = Credentials(None, own=read, project_id=None)
    assert [given.reread() for _ in range(5)] == [False, True, True, False, True]
    assert given.own.token.get_secret_value() == "next-token-33333"


def test_logs_learn_each_token_once_and_before_its_use() -> None:
    """What a Secret holds is hidden from the first moment on."""
    reported: list[str] = []
    given = credentials(labelled_secret("key", token=TOKEN, unused="never-read-4444"), on_read=reported.append)
    for _ in range(3):
        credential = given.of(asking())
        assert reported in ([], [TOKEN])  # one that no account may have is never used, and not remembered
        given.use(credential.token)
    assert reported == [TOKEN]


@pytest.mark.parametrize("show", [repr, str], ids=["repr", "str"])
def test_a_credential_shows_no_token(show: Callable[[object], str]) -> None:
    """Not in a log line, nor in a traceback with values."""
    assert TOKEN not in show(credentials(labelled_secret("key", token=TOKEN)).of(asking()))


def test_scope_is_the_project_else_a_hash() -> None:
    """What stands in the status is no token."""
    assert Credential(SecretStr(TOKEN), "p").scope == "p"
    scope = Credential(SecretStr(TOKEN)).scope
    assert scope.startswith("token-")
    assert TOKEN not in scope


@pytest.mark.parametrize(
    ("token", "secret"),
    [
        pytest.param("namespace", False, id="a word"),
        pytest.param("12345678", True, id="with a digit"),
        pytest.param("abcdefghij" * 2, True, id="longer than a word"),
    ],
)
def test_a_word_is_not_hidden(token: str, secret: bool) -> None:  # noqa: FBT001  # a column
    """Else it would be missing in every line of the log; and what was never hidden is not forgotten either."""
    reported: list[str] = []
    forgotten: list[str] = []
    given = credentials(labelled_secret("key", token=token), on_read=reported.append, on_forget=forgotten.append)
    given.use(SecretStr(token))
    given.forget(SecretStr(token))
    assert (reported, forgotten) == ([token] * secret, [token] * secret)
