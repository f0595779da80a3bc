"""What goes wrong at the API server itself, where the real adapter talks to it: single answers, and what lasts a while.

Nothing here reads or writes an object on its own.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from model.chance import Chance
from model.network import Fate

if TYPE_CHECKING:
    from model.kube_requests import Asked


class Trouble:
    """Draws what becomes of each request from the seed."""

    def __init__(self, chance: Chance, rng: random.Random) -> None:
        """`rng`: chooses the forms of answers."""
        self.rng = rng
        self._chance = chance

    def fate(self, asked: Asked, usual: Fate) -> Fate:
        """What becomes of a request that would have this fate."""
        del asked
        return usual

    def judge(self, asked: Asked) -> None:
        """What the API server says before it looks at any object; raises what refuses the request."""
