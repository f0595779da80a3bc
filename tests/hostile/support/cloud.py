"""A cloud that answers what a test says, byte for byte: what no honest server, and no simulator of one, would send."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[int], bytes]
"""From the number of the request, counted from the beginning of the case, to everything that is sent back."""

EMPTY = b'{"object": "list", "data": []}'


def http(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer; `length` is the Content-Length where it is to be a lie."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ordinary(method: str) -> Answer:
    """What an honest cloud without endpoints says."""
    if method == "LIST":
        return lambda _: http(EMPTY)
    return lambda _: http(b'{"detail": "Not found"}', status="404 Not Found")


class HostileCloud:
    """Serves on 127.0.0.1 until it is closed, one thread a connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        """By method, since the last `answer`; `LIST` is a GET of the collection."""
        threading.Thread(target=self._accept, name="hostile-cloud", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def answer(self, method: str, answer: Answer) -> None:
        """From now on requests of this method get this, all others what an honest cloud says."""
        with self._lock:
            self._answers = {method: answer}
            self.requests.clear()

    def behave(self) -> None:
        """Be honest."""
        with self._lock:
            self._answers = {}
            self.requests.clear()

    def close(self) -> None:
        """No more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            connection.settimeout(10.0)
            method = _read_request(connection)
            with self._lock:
                self.requests[method] += 1
                number, answer = self.requests[method], self._answers.get(method) or ordinary(method)
            connection.sendall(answer(number))


def _read_request(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            raise OSError("closed")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")]
    while lengths and len(body) < lengths[0]:
        body += connection.recv(65_536)
    method, target, _ = lines[0].split(" ", 2)
    collection = target.partition("?")[0].endswith("/dedicated_endpoints")
    return "LIST" if method == "GET" and collection else method


@contextmanager
def hostile_cloud() -> Iterator[HostileCloud]:
    """One that is closed in the end."""
    cloud = HostileCloud()
    try:
        yield cloud
    finally:
        cloud.close()
