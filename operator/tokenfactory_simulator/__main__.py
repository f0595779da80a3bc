"""`python -m tokenfactory_simulator`: the simulator as a process of its own, until SIGTERM or Ctrl-C."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from tokenfactory_simulator.server import Server, bind, url_of
from tokenfactory_simulator.settings import Settings
from tokenfactory_simulator.simulator import Simulator


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tokenfactory-simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--provisioning-time", default="2s", help="from GPUs granted to ready: 200ms, 4s, 5m")
    parser.add_argument(
        "--token",
        action="append",
        metavar="TOKEN=PROJECT",
        help="a token and a project it may use; repeatable (default demo-token=project-demo)",
    )
    parser.add_argument("--capacity", action="append", default=[], metavar="REGION/GPU=N", help="repeatable")
    parser.add_argument("--admin-token", help="what /_admin asks for as a bearer token (default: nothing)")
    parser.add_argument("--manual-clock", action="store_true", help="time passes only by the admin API")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error", "critical"])
    return parser


def _pairs(texts: Sequence[str], option: str, parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    pairs = [tuple(text.rsplit("=", 1)) for text in texts]
    if wrong := [text for text, pair in zip(texts, pairs, strict=True) if len(pair) != 2 or not all(pair)]:  # noqa: PLR2004 - a pair
        parser.error(f"{option}: {wrong[0]!r} is not NAME=VALUE")
    return [(left, right) for left, right in pairs]


def _simulator(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> Simulator:
    tokens: dict[str, list[str]] = {}
    for token, project in _pairs(arguments.token or ["demo-token=project-demo"], "--token", parser):
        tokens.setdefault(token, []).append(project)
    capacity = dict(_pairs(arguments.capacity, "--capacity", parser))
    try:
        settings = Settings.model_validate({"provisioning_time": arguments.provisioning_time, "capacity": capacity})
    except ValidationError as error:
        first = error.errors()[0]
        parser.error(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']} (given: {first['input']!r})")
    return Simulator(settings, tokens, manual_clock=arguments.manual_clock)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; answers the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper())
    simulator = _simulator(options, parser)
    try:
        bound = bind(options.host, options.port)
    except (OSError, OverflowError) as error:  # the latter: a port that is none
        print(f"cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)  # noqa: T201 - a program's message
        return 1
    # uvicorn repeats the signal after its own end: being told to end is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    url = url_of(bound)
    Server(
        simulator,
        admin_token=options.admin_token,
        log_level=options.log_level,
        on_ready=lambda: print(f"listening on {url}", flush=True),  # noqa: T201 - what the starter waits for
    ).run(sockets=[bound])
    return 0


if __name__ == "__main__":
    sys.exit(main())
