"""`python -m tokenfactory_operator` and the script `tokenfactory-operator`."""

from __future__ import annotations

import sys

from tokenfactory_operator.cli.run import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
