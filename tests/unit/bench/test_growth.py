"""How cost grows: the rows survive the report's JSON, and the picture shows each of them."""

from __future__ import annotations

from dataclasses import asdict
from xml.etree import ElementTree as ET

from bench import growth, picture
from bench.figures import Figure, Verdict
from bench.growth import Row

SVG = "{http://www.w3.org/2000/svg}"


def row(objects: int, mib: float) -> Row:
    return Row(
        objects=objects,
        created_mib=mib,
        restarted_mib=mib,
        create_cpu_ms=7.0,
        calls=1.02,
        writes=4.0,
        list_ms=12.0,
        idle_percent=0.3,
        lists=1.0,
    )


ROWS = [row(1, 85.0), row(100, 86.0), row(10_000, 240.0)]


def test_rows_are_read_back_from_the_figures() -> None:
    """Other figures, such as those of the steps between, are none."""
    step = Figure(what="", budget="", measured="", verdict=Verdict.REPORTED, values={"kib": 1.0})
    figures = [Figure(what="", budget="", measured="", verdict=Verdict.REPORTED, values=asdict(each)) for each in ROWS]
    assert growth.rows([*figures, step]) == ROWS


def test_the_picture_has_a_point_for_each_row_and_curve() -> None:
    """It is XML, and higher values stand higher."""
    drawn = ET.fromstring(picture.draw(picture.curves(ROWS)))  # noqa: S314 - made here
    curves = drawn.findall(f"{SVG}g")
    assert len(curves) == 3
    for curve in curves:
        assert len(curve.findall(f"{SVG}circle")) == len(ROWS)
    heights = [float(point.attrib["cy"]) for point in curves[0].findall(f"{SVG}circle")]
    assert heights == sorted(heights, reverse=True)
    budget = next(path for path in curves[0].findall(f"{SVG}path") if "stroke-dasharray" in path.attrib)
    across = float(budget.attrib["d"].partition(" ")[2].partition("H")[0])
    assert heights[-1] < across < heights[0], "the budget of 200 MiB lies between 86 and 240"
