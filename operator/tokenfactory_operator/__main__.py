"""`python -m tokenfactory_operator`, and the scripts `tokenfactory-operator` and `kubectl-tokenfactory`."""

from __future__ import annotations

import sys

from tokenfactory_operator.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
