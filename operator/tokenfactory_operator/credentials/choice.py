"""With whose rights is the cloud called for this object? The operator's own token, or a labelled Secret's.

Pure bookkeeping over the Secrets as last seen: no request is made here, and nothing is decided about endpoints. A
credential is a token and a project, not a Secret: two Secrets with the same of both are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.credentials.secret_values import SecretValues, name_in
from tokenfactory_operator.domain import identity
from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.domain.identity import MAX_TOKEN
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import is_bound, secret_of

WORD_LENGTH: Final = 20
"""Characters that no word of our log lines has."""
SHORTEST: Final = 8
"""Characters of a token. A shorter one can be guessed, and to hide it would garble every word that it is a part of."""
TOKEN: Final = re.compile(r"[!-~]+")
"""Printable ASCII without blanks. A tenant's objects are looked up by their tokens again and again: each has 4 KiB."""


def is_secret(token: str) -> bool:
    """Whether logs have to hide this token, a checked one: told from a word by a digit or its length.

    A Secret may hold the word "namespace". Hidden, it would be missing in every line of the log, whomever it is about.
    """
    return len(token) >= WORD_LENGTH or any(map(str.isdigit, token))


def check_token(text: str) -> str:
    """`text` without surrounding white space. Raises `ValueError` where it is no token, or cannot be hidden."""
    token = text.strip()
    if not token:
        raise ValueError("is empty")
    if len(token) > MAX_TOKEN:
        raise ValueError(f"is longer than {MAX_TOKEN} characters, which no token is")
    if not TOKEN.fullmatch(token):
        raise ValueError("is not a token: it has white space or characters outside printable ASCII")
    if len(token) < SHORTEST:
        raise ValueError(f"is shorter than {SHORTEST} characters, which no token is")
    return token


@dataclass(frozen=True)
class Credential:
    """What is sent along with each call. Equal ones share connections, inventory, rate limit and work queue."""

    token: SecretStr
    project_id: str | None = None

    @property
    def scope(self) -> str:
        """Where its endpoints live."""
        return identity.scope(project_id=self.project_id, token=self.token.get_secret_value())


class Credentials:
    """Answers the credential of an object as it is now."""

    def __init__(
        self,
        secrets: SecretValues | None,
        *,
        own: Callable[[], SecretStr],
        project_id: str | None,
        own_allowed: Callable[[str], bool] = lambda _: True,
        on_read: Callable[[str], None] = lambda _: None,
        on_forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`secrets`: the labelled Secrets; `None` where the operator has no right to them.

        `own` reads the operator's token and may raise `CredentialsError`; `own_allowed` says for which namespaces it
        is. `on_read` is told a Secret's token before it is used, so that logs can hide it; `on_forget` once nothing
        uses it any more. Neither is told of what is no secret.
        """
        self._on_read = on_read
        self._on_forget = on_forget
        self._reported: set[SecretStr] = set()
        self.secrets = secrets
        self._read_own = own
        self._project_id = project_id
        self._own_allowed = own_allowed
        self._own: Credential | CredentialsError = CredentialsError("not read yet")
        self.reread()

    def reread(self) -> bool:
        """Read the operator's own token again; answers whether it is another one now."""
        before = self._own
        try:
            self._own = Credential(self._read_own(), self._project_id)
        except CredentialsError as error:
            self._own = error.remembered()
            return isinstance(before, Credential) or before.message != error.message
        return before != self._own

    def use(self, token: SecretStr) -> None:
        """An account is to have this token: logs hide it from now on. One that nobody may use is not remembered."""
        if token not in self._reported and is_secret(token.get_secret_value()):
            self._reported.add(token)
            self._on_read(token.get_secret_value())

    def forget(self, token: SecretStr) -> None:
        """No account has this token any more."""
        if token in self._reported:
            self._reported.discard(token)
            self._on_forget(token.get_secret_value())

    @property
    def own(self) -> Credential:
        """The operator's own. Raises `CredentialsError` while its file cannot be used."""
        if isinstance(self._own, CredentialsError):
            raise CredentialsError(self._own.message)
        return self._own

    def of(self, body: JsonObject) -> Credential:
        """The credential of an object. Raises `CredentialsError` with what a person can do."""
        secret = secret_of(body)
        if secret is None:
            return self._own_for(body["metadata"].get("namespace", ""))
        token = self._token(secret, name_in(body), bound=is_bound(body))
        return Credential(token, body["spec"]["credentials"].get("projectId"))

    def _own_for(self, namespace: str) -> Credential:
        if self._own_allowed(namespace):
            return self.own
        raise CredentialsError(
            f"The namespace {namespace} may not use the operator's own credential "
            "(TOKENFACTORY_OPERATOR_CREDENTIAL_NAMESPACES). Name a Secret of the namespace in "
            "spec.credentials.secretRef."
        )

    def _token(self, secret: Key, name: str, *, bound: bool) -> SecretStr:
        if self.secrets is None:
            raise CredentialsError(
                "This operator does not read Secrets. Set TOKENFACTORY_SECRET_CREDENTIALS to true (in the chart: "
                "secretCredentials), or remove spec.credentials."
            )
        body = self.secrets.secrets.get(secret)
        if body is None and secret in self.secrets.forbidden:
            raise CredentialsError(
                f"The operator may not read the Secret {secret.name} in the namespace {secret.namespace}. Allow its "
                "account to get and patch this Secret, by a Role or, for a namespace that is being deleted, by a "
                "ClusterRole (in the chart: rbac.secretNames)."
            )
        if body is None:
            raise CredentialsError(
                f'There is no Secret {secret.name} with the label {api.CREDENTIALS_LABEL}: "true" in the namespace '
                f"{secret.namespace}. Create it, or set the label."
            )
        if body["metadata"].get("deletionTimestamp") and not bound:  # what has an endpoint may go on to its end
            raise CredentialsError(
                f"The Secret {secret.name} is being deleted, so nothing new is begun with it. Create it again."
            )
        token = self.secrets.value(secret, name)
        if token is None:
            raise CredentialsError(f"The Secret {secret.name} has no key {name}. Add it, or name another key.")
        try:
            text = check_token(token.get_secret_value())
        except ValueError as error:
            raise CredentialsError(
                f"The key {name} of the Secret {secret.name} holds no token: it {error}. Put the API key there."
            ) from None
        return SecretStr(text)
