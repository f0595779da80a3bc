"""The growth of cost as a picture: three curves over the number of objects, in SVG, drawn by nothing but text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.growth import Row

WIDTH, HEIGHT = 300, 220
"""Of one curve with its labels, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 46, 24, 34, 36
"""Room around a curve."""
_FONT: Final = 'font-family="sans-serif" font-size="11" fill="#444"'


@dataclass(frozen=True)
class Curve:
    """Values over numbers of objects."""

    title: str
    points: Sequence[tuple[int, float]]
    budget: float | None = None
    """What the value is to stay below, in a broken line."""


def curves(rows: Sequence[Row]) -> list[Curve]:
    """What the picture shows."""
    return [
        Curve("Memory after creating, MiB", [(row.objects, row.created_mib) for row in rows], budget=200.0),
        Curve("Processor time of a LIST, ms", [(row.objects, row.list_ms) for row in rows], budget=100.0),
        Curve("Cloud calls in an interval", [(row.objects, row.lists) for row in rows]),
    ]


def draw(shown: Sequence[Curve]) -> str:
    """The curves side by side; the numbers of objects are on a logarithmic scale."""
    parts = [f'<g transform="translate({number * WIDTH} 0)">{_curve(curve)}</g>' for number, curve in enumerate(shown)]
    size = f'width="{WIDTH * len(shown)}" height="{HEIGHT}"'
    box = f'viewBox="0 0 {WIDTH * len(shown)} {HEIGHT}"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box}>', ground, *parts, "</svg>"]) + "\n"


def write(path: Path, rows: Sequence[Row]) -> Path:
    """Draw it into a file. Raises `OSError`."""
    path.write_text(draw(curves(rows)), encoding="utf-8")
    return path


def _curve(curve: Curve) -> str:
    most = max([value for _, value in curve.points] + [curve.budget or 0.0, 1.0])
    far = max(math.log10(max(objects, 10)) for objects, _ in curve.points)

    def place(objects: int, value: float) -> tuple[float, float]:
        across = LEFT + math.log10(objects) / far * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    placed = [(objects, value, *place(objects, value)) for objects, value in curve.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for _, _, x, y in placed)
    ground, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        f'<text x="{LEFT}" y="18" {_FONT} font-weight="bold">{curve.title}</text>',
        f'<path d="M{LEFT} {TOP}V{ground}H{end}" fill="none" stroke="#999"/>',
        f'<polyline points="{line}" fill="none" stroke="#326ce5" stroke-width="2"/>',
    ]
    if curve.budget is not None:
        _, y = place(1, curve.budget)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{end}" stroke="#c33" stroke-dasharray="4 3"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 4:.1f}" {_FONT} text-anchor="end">{curve.budget:.0f}</text>')
    for objects, value, x, y in placed:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#326ce5"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 7:.1f}" {_FONT} text-anchor="middle">{value:.0f}</text>')
        parts.append(f'<text x="{x:.1f}" y="{ground + 16}" {_FONT} text-anchor="middle">{objects:,}</text>')
    parts.append(f'<text x="{end}" y="{HEIGHT - 6}" {_FONT} text-anchor="end">objects</text>')
    return "".join(parts)
