"""The table of hostile answers, by kind; and a seeded source of more."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hostile.support.cloud import EMPTY, Answer, http

ENDPOINT: Final[Mapping[str, Any]] = {
    "id": "ep-1",
    "name": "stranger",
    "description": "",
    "enabled": True,
    "routing_key": "dedicated/x-0123456789ab",
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 4},
    "deployment": {"status": "running", "readiness": "ready", "ready_replicas": 1},
    "created_at": "2026-01-01T00:00:00Z",
}
LONG: Final = 70_000
UID: Final = "11111111-2222-3333-4444-555555555555"


def fixed(answer: bytes) -> Answer:
    """The same each time."""
    return lambda _: answer


def listing(*items: object, **more: object) -> Answer:
    """A LIST of these."""
    return fixed(http(json.dumps({"object": "list", "data": list(items), **more}).encode()))


def item(**changes: object) -> dict[str, Any]:
    """An endpoint with some fields otherwise."""
    return {**ENDPOINT, **changes}


def in_pieces(body: bytes, *, size: int = 1, extension: bytes = b"", trailers: bytes = b"") -> Answer:
    """An answer in chunks of that size."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return fixed(head + chunks + b"0\r\n" + trailers + b"\r\n")


def endless(number: int) -> bytes:
    """A page that always names another one."""
    return http(json.dumps({"data": [], "next_page_token": f"p{number}"}).encode())


def refusal(status: str, body: object, *headers: str) -> Answer:
    """An error with a body."""
    return fixed(http(json.dumps(body).encode(), *headers, status=status))


NESTED: Final = b"[" * 100_000 + b"]" * 100_000
LISTS: Final[Mapping[str, Answer]] = {
    # Page tokens
    "token of 70,000 characters": listing(next_page_token="x" * LONG),
    "token that is a lone surrogate": fixed(http(b'{"data": [], "next_page_token": "\\ud800"}')),
    "token with line breaks": listing(next_page_token="a\r\nX-Evil: 1"),
    "token that is an object": listing(next_page_token={"a": 1}),
    "pages without an end": endless,
    "always the same page": listing(next_page_token="again", has_more=True),
    # Forms
    "no JSON": fixed(http(b"<html>oops</html>", "Content-Type: text/html")),
    "an empty body": fixed(http(b"")),
    "a number": fixed(http(b"7")),
    "null": fixed(http(b"null")),
    "data is an object": fixed(http(b'{"data": {"a": 1}}')),
    "nested 100,000 deep": fixed(http(b'{"data": ' + NESTED + b"}")),
    "numbers without an end": fixed(http(b'{"data": [' + b"9" * 200_000 + b"]}")),
    "not UTF-8": fixed(http(b'{"data": ["\xff\xfe"]}')),
    "NaN and Infinity": fixed(http(b'{"data": [{"id": "ep-1", "gpu_count": NaN, "x": Infinity}]}')),
    "a key twice": fixed(http(b'{"data": [], "data": [{"id": "ep-1", "id": "ep-2"}]}')),
    # Items
    "an item without an id": listing({"name": "stranger"}),
    "an item that is a string": listing("ep-1"),
    "an id of 70,000 characters": listing(item(id="e" * LONG)),
    "an id with a path in it": listing(item(id="../../v1/models")),
    "a status of 1.6 MB": listing(item(deployment={"status": "s" * 1_600_000})),
    "a region that is an address": listing(item(region="evil.example/#")),
    "replicas out of range": listing(item(deployment={"ready_replicas": 10**30})),
    "negative replicas": listing(item(scaling={"min_replicas": -5, "max_replicas": -1})),
    "right-to-left and escapes": listing(item(name="\u202e\x1b[31m\x00", description="\u202eevil")),
    "a mark that is none": listing(item(description="[k8s " * 5_000)),
    "fields of wrong types": listing(item(enabled="yes", scaling=[1], deployment="running", gpu_count="one")),
    "20,000 items with one mark": listing(
        *(item(id=f"m-{number}", description=f"[k8s 0f1e2d3c ml/a uid={UID} try=a1]") for number in range(20_000))
    ),
    "20,000 items": listing(*(item(id=f"ep-{number}") for number in range(20_000))),
    # Transport
    "gzip that was not asked for": fixed(http(gzip.compress(b'{"data": []}'), "Content-Encoding: gzip")),
    "gzip twice": fixed(http(gzip.compress(gzip.compress(b"0" * 10_000_000)), "Content-Encoding: gzip, gzip")),
    "an unknown encoding": fixed(http(b"x", "Content-Encoding: evil")),
    "a length that is a lie": fixed(http(b"{}", length=10_000_000)),
    "40 MB": fixed(http(b" " * 40_000_000)),
    "no HTTP": fixed(b"hello\r\n\r\n"),
    "closed at once": fixed(b""),
    "a header of 100 kB": fixed(http(b'{"data": []}', "X-Evil: " + "a" * 100_000)),
    "a redirect elsewhere": fixed(http(b"", "Location: http://evil.example/", status="302 Found")),
    "a redirect to itself": fixed(http(b"", "Location: /v0/dedicated_endpoints", status="307 Temporary Redirect")),
    "a status that is none": fixed(http(b"{}", status="999 Whatever")),
    "halves of surrogate pairs": listing(item(name="\ud800", region="\udfff", deployment={"status": "\ud800"})),
    "numbers beyond all": fixed(
        http(b'{"data": [{"id": "ep-1", "gpu_count": 1e999, "scaling": {"min_replicas": -1e999}}]}')
    ),
    "a brace in UTF-16": fixed(http(b'{"data": []}'.decode().encode("utf-16"))),
    "a byte order mark": fixed(http(b"\xef\xbb\xbf" + EMPTY)),
    # HTTP
    "a single byte a chunk": in_pieces(b" " * 200_000 + EMPTY),
    "chunks with long extensions": in_pieces(EMPTY, extension=b";a=" + b"b" * 2_000),
    "100,000 trailers": in_pieces(EMPTY, size=1000, trailers=b"X-Evil: 1\r\n" * 100_000),
    "a chunk of a negative length": fixed(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n"
    ),
    "20,000 answers that are none yet": fixed(b"HTTP/1.1 102 Processing\r\n\r\n" * 20_000 + http(EMPTY)),
    "another protocol": fixed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\n\r\nabc"),
    "a part": fixed(http(EMPTY, "Content-Range: items 0-0/50", status="206 Partial Content")),
    "from a cache": fixed(http(EMPTY, "Age: 3600")),
    "two lengths": fixed(http(EMPTY, "Content-Length: 3")),
    "a negative length": fixed(http(EMPTY, length=-1)),
    "90 cookies": fixed(
        http(EMPTY, *(f"Set-Cookie: c{number}=1; Expires=\x01; Max-Age=1e999" for number in range(90)))
    ),
    "a redirect to no address": fixed(http(b"", "Location: http://[::1", status="308 Permanent Redirect")),
    # Errors
    "200,000 blanks in an error": refusal("500 Oops", {"detail": "request id" + " " * 200_000 + "!"}),
    "an error of 1 MB": refusal("500 Oops", {"detail": "x" * 1_000_000}),
    "an HTML error of 1 MB": fixed(http(b"<p>" * 350_000, "Content-Type: text/html", status="502 Bad Gateway")),
    "Retry-After that is none": refusal("429 Too Many", {"detail": "wait"}, "Retry-After: soon\tplease"),
}
"""What a LIST may get."""

POSTS: Final[Mapping[str, Answer]] = {
    "201 with an id of 70,000 characters": fixed(http(json.dumps(item(id="e" * LONG)).encode(), status="201 Created")),
    "201 with an id that is a path": fixed(http(json.dumps(item(id="a/../b")).encode(), status="201 Created")),
    "201 without an id": fixed(http(b'{"endpoint": {}}', status="201 Created")),
    "201 that is a list": fixed(http(b"[]", status="201 Created")),
    "422 of 950 kB": refusal("422 No", {"detail": [{"loc": ["body"], "msg": "m" * 950_000, "type": "t"}]}),
    "422 with odd details": refusal("422 No", {"detail": [7, None, {"loc": {"a": 1}, "msg": ["x"]}]}),
    "402 without money": refusal("402 Payment Required", {"error": {"message": "Insufficient balance"}}),
    "201 in single bytes": in_pieces(b" " * 200_000),
    "101 and nothing": fixed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\n\r\n"),
    "226 with two ids": fixed(http(b'{"id": "../a", "id": 7.5, "endpoint_id": NaN}', status="226 IM Used")),
    "409 that repeats the name": refusal("409 Conflict", {"detail": "\ud800 create-quota already exists\u202e"}),
    "503 without capacity": refusal("503 Busy", {"detail": "no capacity left"}, "Retry-After: 300"),
}
"""What a POST may get."""


def fuzzed_lists(seed: int) -> Iterator[bytes]:
    """Answers to LISTs that were good once: bytes changed, cut, doubled; headers broken."""
    return _broken(http(json.dumps({"object": "list", "data": [item(id=f"ep-{n}") for n in range(5)]}).encode()), seed)


def fuzzed_creates(seed: int) -> Iterator[bytes]:
    """The same of answers to a POST."""
    return _broken(http(json.dumps({"endpoint": item(id="ep-made")}).encode(), status="201 Created"), seed)


def _broken(good: bytes, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    while True:
        data = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            place = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[place] = rng.randrange(256)
                case 1:
                    del data[place : place + rng.randint(1, 40)]
                case 2:
                    data[place:place] = rng.randbytes(rng.randint(1, 40))
                case _:
                    data[place:place] = data[place : place + rng.randint(1, 200)]
        yield bytes(data)
