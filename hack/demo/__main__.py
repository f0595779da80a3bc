"""`make demo`, or `PYTHONPATH=hack python -m demo`: exit status 0 when everything was as it should be, or by Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import httpx

from controlplane import ControlPlaneError
from demo import onward, signals
from demo.errors import DemoError, RefusedError, Stop
from demo.objects import read
from demo.options import Options, parse
from demo.story import LOOK, Story
from demo.view import View
from demo.world import World, running, say_stopped

FAILURES: Final = (DemoError, ControlPlaneError, subprocess.SubprocessError, httpx.HTTPError)
"""What may go wrong in a world: sentences for people in place of a traceback."""
_REFUSED: Final = 2
_BY_SIGNAL: Final = 128  # the shell's convention: plus the signal's number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; answers the exit status."""
    view = View()
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        signals.listen()
        with signals.alone(), contextlib.closing(view):
            _run(options, view)
    except RefusedError as error:
        _complain(view, f"Not started: {error}")
        return _REFUSED
    except FAILURES as error:
        _complain(view, f"The demo failed: {error}")
        return 1
    except Stop as stop:
        return 0 if stop.number == signal.SIGINT else _BY_SIGNAL + stop.number
    return 0


def _run(options: Options, view: View) -> None:
    with running(options, view) as world:
        try:
            summary = Story(world, view, timeout=options.timeout).tell()
            view.step(summary)
            if options.stay:
                _stay(world, view, options.token)
            else:
                view.say("DEMO=stay stays after this, for you to go on by hand and to call an endpoint.")
        except FAILURES:
            view.step("The end of the operator's log")
            view.say(world.operator.tail())
            raise


def _stay(world: World, view: View, token: str) -> None:
    """Show the objects until a signal asks to end, which is no failure here."""
    view.step("Go on by hand, in another terminal; Ctrl-C here ends and removes everything")
    view.say(onward.text(world.exports, onward.looks(world.url, world.operator.log), onward.calls(token)))
    try:
        while True:
            world.operator.check()
            if world.own is not None and not world.own.healthy:
                raise DemoError("A program of the control plane has ended by itself.")
            view.show(read(world.target))
            time.sleep(LOOK)
    except Stop as stop:
        if stop.number == signal.SIGHUP:
            raise
        say_stopped(view)


def _complain(view: View, text: str) -> None:
    view.say("")
    view.say(text)


if __name__ == "__main__":
    sys.exit(main())
