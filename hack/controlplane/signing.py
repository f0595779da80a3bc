"""The key that service account tokens are signed with. For the test control plane only."""

from __future__ import annotations

import base64
import secrets

# The order of the group of P-256 (NIST SP 800-186, 3.2.1.3): a private key is a number below it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_VERSION = bytes.fromhex("020101")
_PRIME256V1 = bytes.fromhex("a00a06082a8648ce3d030107")


def private_key_pem() -> str:
    """A fresh P-256 key in SEC 1 form (RFC 5915).

    Written by hand because the standard library makes no keys and `openssl` need not be installed. The public key is
    left out of it: Go computes it.
    """
    secret = (secrets.randbelow(_ORDER - 1) + 1).to_bytes(32, "big")
    body = _VERSION + bytes([0x04, len(secret)]) + secret + _PRIME256V1
    encoded = base64.encodebytes(bytes([0x30, len(body)]) + body).decode("ascii")
    return f"-----BEGIN EC PRIVATE KEY-----\n{encoded}-----END EC PRIVATE KEY-----\n"
