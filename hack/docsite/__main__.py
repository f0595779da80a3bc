"""Write the pages about resource, conditions, Events and rules, and the pictures of commands.

python -m docsite [--check] FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from docsite import conditions, events, pictures, resource, rules
from tokenfactory_operator.generated import publish

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "conditions.md": conditions.render,
    "events.md": events.render,
    "protocol-tests.md": rules.render,
    "resource.md": resource.render,
    **{f"images/{name}.svg": partial(pictures.render, name) for name in pictures.COMMANDS},
}


def main(arguments: list[str]) -> int:
    """Write or compare each page; answers the exit status."""
    *options, folder = arguments
    return max(publish(page(), [*options, str(Path(folder) / name)]) for name, page in PAGES.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
