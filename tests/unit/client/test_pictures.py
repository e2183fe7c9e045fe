"""Pictures of previews: blocks, SVG and files, with gaps, constants, one sample and hostile names."""

import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hpc_gateway_client import GatewayClientError, Picture

HOSTILE = "</svg><script>alert(1)</script>\"' onload=x $\\frac{$ _\x1b]0;owned\x07\u202e" + "ü" * 500


def preview(*sides: list[Any], name: str = "a", unit: str = "m", **more: Any) -> dict[str, Any]:
    size = len(sides[0])
    axis = {"name": "t", "unit": "s", "values": list(range(size))}
    signals = [{"name": name, "unit": unit, "min": side, "max": side} for side in sides]
    return {
        "service": "fft",
        "points": size,
        "x": axis,
        "signals": signals,
        "samples": 9,
        "signals_total": 70,
    } | more


CASES: dict[str, dict[str, Any]] = {
    "a rise": preview([0, 1, 2, 3]),
    "gaps": preview([None, 1, None, None, 3, 4, None]),
    "all missing": preview([None, None]),
    "constant": preview([5, 5, 5]),
    "one sample": preview([1]),
    "large": preview([-1.7e308, 1.7e308, 0]),
    "infinite": preview([float("inf"), 1, float("-inf"), float("nan")]),
    "many signals": preview(*[[i, i + 1] for i in range(64)]),
    "many points": preview(list(range(5000))),
    "hostile": preview([0, 1], name=HOSTILE, unit=HOSTILE, service=HOSTILE),
    "an underscore": preview([0, 1], name="_hidden"),
    "a gap of the axis": preview([0, 1], x={"name": "t", "unit": "", "values": [None, 1]}),
}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


TAGS = {"figure", "svg", "path", "text", "polygon", "figcaption", "br", "span"}


@pytest.mark.parametrize("name", CASES)
def test_every_preview_has_a_picture(name: str, tmp_path: Path) -> None:
    picture = Picture.read(CASES[name])
    html = picture._repr_html_()
    tags = _Tags()
    tags.feed(html)
    assert tags.tags <= TAGS
    assert not [each for each in tags.attributes if each.startswith("on") or "href" in each or each == "src"]
    ET.fromstring(html.replace("<br>", "<br/>"))  # noqa: S314  our own text
    assert "nan" not in html
    lines = picture.blocks(60)
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines[3:])) <= 60
    picture.save(tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_blocks_follow_the_signal_and_leave_gaps_blank() -> None:
    lines = Picture.read(preview([0, 0, None, None, 1, 1, 1, 1])).blocks(32)
    assert lines[:3] == ["fft, 1 of 70 signals, 9 samples", "", "a [m]"]
    assert lines[3] == "         1 ┤          ▀▀▀▀▀▀▀▀▀▀"
    assert lines[8] == "         0 ┤▄▄▄▄▄"
    assert lines[9].split() == ["0", "t", "[s]", "7"]


def test_an_extreme_of_one_point_is_seen_among_thousands() -> None:
    values = [0.0] * 5000
    values[2500] = 1.0
    lines = Picture.read(preview(values)).blocks(60)
    assert len(lines[3].rpartition("┤")[2].strip()) == 1


def test_a_gap_divides_the_curve() -> None:
    assert Picture.read(CASES["gaps"])._repr_html_().count("<polygon") == 2
    assert Picture.read(CASES["all missing"])._repr_html_().count("<polygon") == 0


def test_eight_of_many_signals_are_drawn_and_counted() -> None:
    html = Picture.read(CASES["many signals"])._repr_html_()
    assert html.count("<polygon") == 8
    assert "8 of 70 signals" in html


def test_the_ending_chooses_the_kind_of_file(tmp_path: Path) -> None:
    picture = Picture.read(CASES["a rise"])
    picture.save(tmp_path / "p.svg")
    assert "<svg" in (tmp_path / "p.svg").read_text()
    picture.save(tmp_path / "bare")
    assert (tmp_path / "bare").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(GatewayClientError, match=r"expected a name that ends with \.png"):
        picture.save(tmp_path / "p.csv")
    with pytest.raises(GatewayClientError, match="was not written: No such file"):
        picture.save(tmp_path / "none" / "p.png")


def test_a_file_without_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(GatewayClientError, match="the extra `plot` of the client"):
        Picture.read(CASES["a rise"]).save(tmp_path / "p.png")


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        preview([1]) | {"signals": []},
        preview([1]) | {"x": {"values": []}},
        preview([1], [1, 2]),
        preview(["x"]),
    ],
    ids=["null", "blank", "no signals", "no axis", "lengths", "text"],
)
def test_another_answer_is_an_error_of_the_client(content: Any) -> None:
    with pytest.raises(GatewayClientError, match="the gateway's answer is no preview"):
        Picture.read(content)
