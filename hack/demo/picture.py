"""The picture of the demo in README.md, made of what a run of it prints: `make picture`.

python -m demo.picture FILE.svg
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from docsite.terminal import drawn

FROM: Final = "kubectl apply "
"""The picture begins with this line: before it, programs are started."""
UNTIL: Final = " objects became Ready"
"""It ends with the line that has this: after it, there are hints."""
COMPARED: Final = 6
"""Comparisons that are shown, of all."""
_STYLES: Final = (
    (r"^kubectl .*|^Comparing .*", "bold"),
    (r"Ready=True \w+", "green"),
    (r"Ready=False \w+", "yellow"),
    (r"^  ✓", "green"),
    (r"^\d objects became .*", "bold green"),
)


def ran() -> list[str]:
    """What a run of the demo prints, line by line."""
    command = [sys.executable, "-m", "demo"]
    surroundings = {**os.environ, "DEMO": "once"}
    done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def shown(lines: Sequence[str]) -> list[str]:
    """The lines of the picture: from the first command to the summary, and of the comparisons only some."""
    first = next(number for number, line in enumerate(lines) if line.startswith(FROM))
    last = next(number for number, line in enumerate(lines) if UNTIL in line)
    kept, compared = [], 0
    for line in lines[first : last + 1]:
        compared += line.startswith("  ✓")
        if not line.startswith("  ✓") or compared <= COMPARED:
            kept.append(line)
        elif compared == COMPARED + 1:
            kept.append("  …")
    return kept


def picture(lines: Sequence[str]) -> str:
    """The lines as a terminal, in SVG."""
    return drawn(lines, title="make demo", name="demo", styles=_STYLES)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(shown(ran())), encoding="utf-8")
