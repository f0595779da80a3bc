"""What each further object costs is told from two sizes."""

from __future__ import annotations

from bench import held
from bench.figures import Figure, Verdict


def memory(objects: int, mib: float) -> Figure:
    return Figure(what="", budget="", measured="", verdict=Verdict.MET, values={held.MEMORY: mib, "held": objects})


def test_growth() -> None:
    """Memory over objects between the two."""
    other = Figure(what="", budget="", measured="", verdict=Verdict.MET, values={"held": 5})
    (figure,) = held.growth([memory(1000, 100.0), other, memory(3048, 110.0)])
    assert figure.values == {"kib": 5.0, "from": 1000, "to": 3048}


def test_one_size_tells_no_growth() -> None:
    """Nor do two equal ones."""
    assert held.growth([memory(1000, 100.0)]) == []
    assert held.growth([memory(1000, 100.0), memory(1000, 101.0)]) == []
