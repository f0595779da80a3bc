"""Free TCP ports on 127.0.0.1.

Below the range that the kernel hands out for outgoing connections: otherwise a connection could sit on an API server's
port while a test has it stopped. A port is only known to be free now; who starts on it must cope with its being taken.
"""

from __future__ import annotations

import random
import socket

from controlplane.errors import PortTakenError

ADDRESS = "127.0.0.1"
_FIRST, _LAST = 20000, 30000  # Linux hands out 32768 and up, macOS 49152 and up
_TRIES = 100


def is_free(port: int) -> bool:
    """Whether one could listen on it now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Go's listeners do
        try:
            candidate.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """That many different ports, each free a moment ago.

    Raises:
        PortTakenError: none of many that were tried is free.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), _TRIES):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    if len(found) < count:
        raise PortTakenError(
            f"No free ports between {_FIRST} and {_LAST} on {ADDRESS}: see `ss -ltn` for who has them."
        )
    return found
