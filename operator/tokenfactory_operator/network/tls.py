"""Whom a TLS connection trusts: the same for the API server and the cloud, and what kubectl trusts.

Certificates and host names are always checked. Only one thing is looser than Python's own choice since 3.13: a CA need
not have every extension that RFC 5280 asks of it (`VERIFY_X509_STRICT`), since many private CAs have not, and Go's
clients, kubectl among them, accept those. A certificate of an intermediate authority is trusted where it is given.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

BUNDLE: Final = "SSL_CERT_FILE"
"""The variable that replaces the file of the system's authorities (OpenSSL, Go)."""


def as_kubectl(context: ssl.SSLContext) -> ssl.SSLContext:
    """`context`, with the checks of a certificate's form as Go makes them."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def problem(environ: Mapping[str, str] = os.environ) -> str:
    """What is wrong with the bundle that the environment names, as a sentence; empty if nothing is."""
    path = environ.get(BUNDLE)
    if not path:
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        why = "it holds no PEM certificate"
    except OSError as error:
        why = error.strerror or type(error).__name__
    else:
        return ""
    return (
        f"{BUNDLE} names {path}, which cannot be used ({why}). Name a file of PEM certificates, or unset the variable."
    )


def contents(*paths: str | Path | None) -> tuple[bytes, ...]:
    """What the files hold, to see later whether it is another; one that cannot be read holds nothing."""
    return tuple(_read(path) for path in paths if path)


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
