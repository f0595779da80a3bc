import asyncio
import io
import json
import logging
from typing import Any, Literal

import httpx
import kopf
import pytest
import structlog

from tokenfactory_operator.telemetry.logging import configure_logging, redact, register_secret
from tokenfactory_operator.telemetry.redaction import REDACTED

CANARY = 'v1.canary"9f31c7'


def configured(
    *, log_format: Literal["json", "console"] = "json", log_level: Literal["debug", "info", "warning"] = "debug"
) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(log_format=log_format, log_level=log_level, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with(text: str) -> None:
    secret_in_a_local = text
    raise ValueError(secret_in_a_local)


def test_one_form_for_all() -> None:
    """A line of structlog and one of the standard library have the same form and keep their fields."""
    stream = configured()
    structlog.stdlib.get_logger("ours").info("created", namespace="ml", name="a", endpoint_id="ep-1")
    logging.getLogger("theirs").warning("watch %s", "ended", extra={"uid": "u-1"})
    ours, theirs = lines(stream)
    assert (
        ours.items()
        >= {
            "message": "created",
            "level": "info",
            "logger": "ours",
            "namespace": "ml",
            "name": "a",
            "endpoint_id": "ep-1",
        }.items()
    )
    assert theirs.items() >= {"message": "watch ended", "level": "warning", "logger": "theirs", "uid": "u-1"}.items()
    assert ours.keys() >= {"timestamp"} <= theirs.keys()
    assert [list(line)[:3] for line in (ours, theirs)] == [["timestamp", "level", "message"]] * 2


def test_kopf_speaks_our_fields() -> None:
    """The object that kopf's line is about is in the fields that our own lines use."""
    stream = configured()
    reference = {"apiVersion": "v1", "kind": "X", "namespace": "ml", "name": "a", "uid": "u-1"}
    extra = {"settings": kopf.OperatorSettings(), "k8s_skip": True, "k8s_ref": reference}
    logging.getLogger("kopf.objects").warning("handler failed", extra=extra)
    (line,) = lines(stream)
    assert line.items() >= {"message": "handler failed", "namespace": "ml", "name": "a", "uid": "u-1"}.items()
    assert not line.keys() & {"settings", "k8s_skip", "k8s_ref"}


@pytest.mark.parametrize(
    ("name", "level"),
    [
        pytest.param("httpx", logging.INFO, id="httpx"),
        pytest.param("httpcore.http11", logging.DEBUG, id="httpcore"),
        pytest.param("kopf.objects", logging.INFO, id="kopf.objects"),
        pytest.param("asyncio", logging.DEBUG, id="asyncio"),
    ],
)
def test_noisy_libraries_stay_quiet(name: str, level: int) -> None:
    """Even at DEBUG, libraries that repeat every request or event say only what is wrong."""
    stream = configured()
    logging.getLogger(name).log(level, "chatter")
    logging.getLogger(name).error("trouble")
    assert [line["message"] for line in lines(stream)] == ["trouble"]


def test_level_holds_for_all() -> None:
    """Below the level set, neither kind of logger writes."""
    stream = configured(log_level="warning")
    structlog.stdlib.get_logger("ours").info("no")
    logging.getLogger("theirs").info("no")
    structlog.stdlib.get_logger("ours").warning("yes")
    assert [line["message"] for line in lines(stream)] == ["yes"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_hides_a_registered_secret_everywhere(log_format: Literal["json", "console"]) -> None:
    """At DEBUG, a secret is in no message, field, traceback, local variable or foreign line, however it is spelt."""
    stream = configured(log_format=log_format)
    register_secret(CANARY)
    log = structlog.stdlib.get_logger("ours")
    log.debug("sent %s", CANARY, header={"x": [CANARY]}, raw=CANARY.encode(), url=httpx.QueryParams({"k": CANARY}))
    logging.getLogger("theirs").debug("sent %s", CANARY, extra={"body": CANARY})
    try:
        fail_with(CANARY)
    except ValueError:
        log.exception("failed")
        logging.getLogger("theirs").exception("failed")
    written = stream.getvalue()
    assert "canary" not in written
    assert written.count(REDACTED) >= 6
    assert "fail_with" in written


def test_hides_bearer_tokens_of_strangers() -> None:
    """A bearer token is hidden although nobody registered it."""
    stream = configured()
    logging.getLogger("theirs").debug([(b"Authorization", b"Bearer abc.d-e_f"), "bearer  xyz=="])
    (line,) = lines(stream)
    assert not [part for part in ("abc", "d-e_f", "xyz") if part in line["message"]]
    assert "Authorization" in line["message"]


@pytest.mark.parametrize("secret", ["namespace", "timestamp", "info", "team-b-production-1", "e", '"level":', "ours"])
def test_no_secret_takes_the_names_away(secret: str) -> None:
    """Any text can be a tenant's token: fields keep their names, and an object its own, in everybody's lines."""
    stream = configured()
    register_secret(secret)
    log = structlog.stdlib.get_logger("ours")
    log.info("sent %s", secret, namespace="team-b-production-1", name="e", nested=[{"header": secret}])
    (line,) = lines(stream)
    assert line.keys() == {"timestamp", "level", "message", "logger", "namespace", "name", "nested"}
    assert (line["level"], line["logger"]) == ("info", "ours")
    assert (line["namespace"], line["name"]) == ("team-b-production-1", "e")
    assert REDACTED in line["message"]
    assert secret not in json.dumps(line["nested"]).replace("nested", "").replace("header", "").replace(REDACTED, "")


def test_longer_secret_leaves_no_rest() -> None:
    """Of a secret that begins with another one nothing remains."""
    stream = configured()
    register_secret("canary")
    register_secret("canary-and-rest")
    structlog.stdlib.get_logger("ours").info("canary-and-rest canary")
    assert lines(stream)[0]["message"] == f"{REDACTED} {REDACTED}"


def test_keeps_secrets_when_configured_again() -> None:
    """Changing form or level forgets no secret and writes each line once."""
    first = configured()
    register_secret("canary")
    second = configured(log_level="info")
    structlog.stdlib.get_logger("ours").info("canary")
    assert first.getvalue() == ""
    assert [line["message"] for line in lines(second)] == [REDACTED]
    assert redact("the canary") == f"the {REDACTED}"


def test_refuses_a_secret_that_it_could_not_hide() -> None:
    """Registering before there is a pipeline is a defect, not silence."""
    with pytest.raises(RuntimeError, match="configure_logging"):
        register_secret("canary")


def test_blank_secret_hides_nothing() -> None:
    """An empty value must not turn every line into redactions."""
    stream = configured()
    register_secret("")
    structlog.stdlib.get_logger("ours").info("plain")
    assert lines(stream)[0]["message"] == "plain"


async def test_a_real_request_leaves_no_token() -> None:
    """A request of httpx at DEBUG writes nothing of its headers."""
    stream = configured()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(trust_env=False, headers={"Authorization": "Bearer canary"}) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 204
    assert "uthorization" not in stream.getvalue()
    assert "canary" not in stream.getvalue()


def test_console_tracebacks_show_no_local_variables() -> None:
    """Values of local variables, which nobody could register, stay out of tracebacks."""
    stream = configured(log_format="console")
    local = "not-registered"
    try:
        fail_with(str(len(local)))
    except ValueError:
        structlog.stdlib.get_logger("ours").exception("failed")
    assert "fail_with" in stream.getvalue()
    assert "not-registered" not in stream.getvalue()
