"""Previews: what an answer shows, its bounds, and files that are no previews."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import FilesystemError, Invalid
from gateway.previews.packed import pack_preview, unpack_preview
from gateway.previews.preview import ANSWER_BYTES, FILE_BYTES, Preview, View
from tests.preview_bytes import preview_bytes

NAN = math.nan
PLAIN = preview_bytes([0, 10, 20], {"a": ([1, 2, NAN], [3, 4, NAN]), "b;": ([-1, -2, -3], [0, 0, math.inf])})


def show(data: bytes, points: int = 2000, signals: list[str] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(Preview(data).show(View(points, signals)))
    return answer


def test_the_answer_has_the_form_that_pictures_are_drawn_from() -> None:
    assert show(PLAIN) == {
        "service": "kalman",
        "points": 3,
        "x": {"name": "sample", "unit": "", "values": [0, 10, 20]},
        "signals": [
            {"name": "a", "unit": "V", "min": [1, 2, None], "max": [3, 4, None]},
            {"name": "b;", "unit": "V", "min": [-1, -2, -3], "max": [0, 0, None]},
        ],
        "samples": 30,
        "signals_total": 2,
    }


def test_one_sample_a_stretch_is_its_least_and_its_greatest() -> None:
    data = PLAIN[: PLAIN.index(b"\n") + 1 + 6 * 8].replace(b'"single": false', b'"single": true')
    data = data.replace(b'["a", "b;"]', b'["a"]').replace(b'["V", "V"]', b'["V"]')
    (signal,) = show(data)["signals"]
    assert signal["min"] == signal["max"] == [1, 2, None]


def test_chosen_signals_come_in_the_order_of_the_request() -> None:
    assert [each["name"] for each in show(PLAIN, signals=["b;", "a", "b;"])["signals"]] == ["b;", "a"]
    with pytest.raises(Invalid, match=r"signals: the preview has no signal 'c'; it has 'a', 'b;' ..."):
        show(PLAIN, signals=["c"])


NUMBERS = st.floats(allow_nan=True, allow_infinity=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60), st.integers(10, 60))
def test_fewer_points_lose_no_extreme(pairs: list[tuple[float, float]], points: int) -> None:
    least, greatest = ([pair[side] for pair in pairs] for side in (0, 1))
    answer = show(preview_bytes(range(len(pairs)), {"a": (least, greatest)}), points)
    (signal,) = answer["signals"]
    assert answer["points"] == len(signal["min"]) == len(answer["x"]["values"]) == min(points, len(pairs))
    for key, side, extreme in (("min", least, min), ("max", greatest, max)):
        known = [value for value in side if not math.isnan(value)]
        shown = [value for value in signal[key] if value is not None]
        assert extreme(shown, default=None) == extreme(known, default=None)


def test_an_answer_has_at_most_64_signals_and_4_mib() -> None:
    values = [1 / (3 + i) for i in range(2000)]
    data = preview_bytes(range(2000), {f"s{i}": (values, values) for i in range(70)})
    body = Preview(data).show(View(5000, None))
    assert len(body) <= ANSWER_BYTES
    answer = json.loads(body)
    assert (len(answer["signals"]), answer["signals_total"]) == (64, 70)
    assert 1500 < answer["points"] < 2000
    assert answer["signals"][0]["max"][0] == 1 / 3


HEADER: dict[str, Any] = {
    "version": 2,
    "points": 0,
    "single": None,
    "samples": -1,
    "names": [],
    "units": [],
    "x": None,
}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        PLAIN[:-1],
        PLAIN[:-8],
        PLAIN + bytes(8),
        PLAIN.replace(b"\n", b" "),
        *(preview_bytes([0], {"a": ([1], [2])}, **{key: value}) for key, value in HEADER.items()),
        preview_bytes([0], {"a": ([1], [2])}, points=5000, names=["a"] * 1000, units=["a"] * 1000),
        preview_bytes([0], {"a" * 501: ([1], [2])}),
        bytes(FILE_BYTES + 1),
    ],
)
def test_what_is_no_preview_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(FilesystemError, match="the preview is damaged"):
        show(data)


def test_a_packed_preview_that_grows_beyond_its_bound_is_refused() -> None:
    assert unpack_preview(pack_preview(PLAIN)) == PLAIN
    with pytest.raises(FilesystemError, match="more than"):
        Preview(unpack_preview(pack_preview(bytes(FILE_BYTES + 100))))
