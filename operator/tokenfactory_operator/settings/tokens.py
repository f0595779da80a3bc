"""Where the operator's own token comes from: a mounted file, read again when it changes, or the environment.

The value lives in `SecretStr` and appears in no message: an error says which file and what is wrong with it, never
what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import check_token
from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.domain.identity import MAX_TOKEN


class TokenSource(Protocol):
    """Answers the token to use for the next call."""

    def read(self) -> SecretStr:
        """The token as it is now. Raises `CredentialsError` when there is none that could be used."""
        ...


class FixedToken:
    """A token that stays as long as the process (`TOKENFACTORY_TOKEN`)."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def read(self) -> SecretStr:
        """The token given at the start."""
        return self._token


class _Signature(NamedTuple):
    """What changes when a file is replaced or written; Kubernetes replaces a mounted Secret by a new inode."""

    device: int
    inode: int
    modified_ns: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Signature:
        return cls(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


class TokenFile:
    """A token in a file. `read` costs one `stat` while the file stays as it is."""

    def __init__(self, path: Path, *, on_read: Callable[[str], None] | None = None) -> None:
        """`on_read` is told each new value before it is used, so that logs can hide it."""
        self._path = path
        self._on_read = on_read
        self._signature: _Signature | None = None
        self._token: SecretStr | None = None

    def read(self) -> SecretStr:
        """The token in the file now. Raises `CredentialsError`: missing, unreadable, empty or not a token."""
        try:
            if self._token is None or _Signature.of(self._path.stat()) != self._signature:
                self._token = self._load()
        except OSError as error:
            raise CredentialsError(f"token file {self._path}: {error.strerror or 'cannot be read'}") from error
        return self._token

    def _load(self) -> SecretStr:
        self._token = None
        with self._path.open("rb") as file:
            # The signature of what was opened: the file may have been replaced since the stat above.
            signature = _Signature.of(os.fstat(file.fileno()))
            content = file.read(MAX_TOKEN + 1)
        if len(content) > MAX_TOKEN:
            raise CredentialsError(f"token file {self._path}: is longer than {MAX_TOKEN} bytes")
        try:
            token = check_token(content.decode("ascii", errors="replace"))
        except ValueError as error:
            raise CredentialsError(f"token file {self._path}: {error}") from None
        if self._on_read is not None:
            self._on_read(token)
        self._signature = signature
        return SecretStr(token)
