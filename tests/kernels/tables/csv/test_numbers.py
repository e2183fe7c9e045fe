"""Number parsing and formatting: equal to Python's `float` bit for bit, and as short as its `repr`."""

import math
import random
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.tables.csv.format_number import CELLS_PER_BATCH, LONGEST_CELL, format_cells
from hpc_kernels.tables.csv.parse_number import parse_number, parse_plain_cells


def parsed(text: str) -> float | None:
    """Return the number of both parsers; None if they cannot decide or do not consume the whole text."""
    room = bytes(TEXT_PADDING)
    line = np.frombuffer(room + text.encode() + b"\n" + room, np.uint8)
    slow, end = parse_number(line, len(room), ord("."))
    fast, starts = np.empty(1), np.array([len(room)])
    room_of_loop = np.empty(1, np.uint64), np.empty(1, np.int64)
    odd = parse_plain_cells(line, starts, ord(";"), fast, *room_of_loop, ord("."))
    value = slow if text and end == len(room) + len(text) else None
    assert odd or struct.pack("d", fast[0]) == struct.pack("d", math.nan if value is None else value)
    return value


def text_of(values: NDArray[np.floating]) -> str:
    text = np.empty(values.size * LONGEST_CELL + len(values) + TEXT_PADDING, np.uint8)
    scratch = np.empty(CELLS_PER_BATCH, np.uint64), np.empty(CELLS_PER_BATCH, np.int64)
    return bytes(text[: format_cells(values.ravel(), values.shape[1], text, *scratch)]).decode()


def formatted(values: NDArray[np.floating]) -> list[str]:
    return text_of(values.reshape(-1, 1)).replace(";\n", "\n").split("\n")[:-1]


def digits(text: str) -> str:
    return text.lstrip("-").split("e")[0].replace(".", "").strip("0")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back(value: float) -> None:
    for text in (repr(value), f"{value:.16e}", f"{value:.18e}", f"{value:+.3g}"):
        found = parsed(text)
        assert found is None or struct.pack("d", found) == struct.pack("d", float(text))


@given(st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_every_spelling_is_read_as_python_reads_it(text: str) -> None:
    found = parsed(text)
    assert found is None or found == float(text)


@pytest.mark.parametrize("times", range(1, 6))
@pytest.mark.parametrize("behind", ["", "0", "7", ".5", "00e-3"])
@pytest.mark.parametrize("places", [0, 1, 19, 25])
def test_digits_that_are_a_multiple_of_the_largest_word(times: int, behind: str, places: int) -> None:
    """Their first twenty digits are 0 modulo 2**64; the point may be among them or above them."""
    digits = str(times * 2**64)
    text = f"0.{digits:0>{places}}{behind.replace('.', '')}" if places > len(digits) else f"{digits}{behind}"
    if 0 < places < len(digits):
        text = f"{digits[:places]}.{digits[places:]}{behind.replace('.', '')}"
    assert parsed(text) in {None, float(text)}


@given(st.text(alphabet="0123456789+-.eE x", max_size=8))
def test_a_text_that_is_no_number_is_not_read(text: str) -> None:
    found = parsed(text)
    if found is not None:
        assert found == float(text)


@pytest.mark.parametrize("seed", range(3))
def test_half_way_cases(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 (no secret)
    for _ in range(2000):
        text = f"{rng.getrandbits(53) * 2 + 1}e{rng.randint(-25, 25)}"
        found = parsed(text)
        assert found is None or found == float(text)


def test_numbers_of_ordinary_files_are_decided_at_once() -> None:
    rng = np.random.default_rng(0)
    for value in (rng.standard_normal(2000) * 10.0 ** rng.integers(-20, 20, 2000)).tolist():
        assert parsed(repr(value)) == value


@given(st.floats())
def test_double_precision_is_written_with_the_digits_of_repr(value: float) -> None:
    (text,) = formatted(np.array([value]))
    if math.isnan(value):
        assert text == "nan"
    else:
        assert struct.pack("d", float(text)) == struct.pack("d", value)
        assert digits(text) == digits(repr(value))
        assert len(text) <= len(repr(value))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_is_written_with_the_digits_of_numpy(value: float) -> None:
    (text,) = formatted(np.array([value], np.float32))
    assert np.float32(text) == np.float32(value)
    assert digits(text) == digits(np.format_float_scientific(np.float32(value), unique=True, trim="-"))


def test_powers_of_two_where_the_interval_is_uneven() -> None:
    values = np.array([math.ldexp(1, e) for e in range(-1074, 1024)])
    assert [digits(text) for text in formatted(values)] == [digits(repr(v)) for v in values.tolist()]


def hard_cases() -> NDArray[np.float64]:
    """Numbers whose last bits decide: half-way ones, whole ones, subnormal ones, and all neighbours."""
    rng = np.random.default_rng(5)
    whole = rng.integers(2**53, 2**63, 2000).astype(np.float64)
    halves = rng.integers(2**48, 2**53, 2000) / 2.0 ** rng.integers(0, 5, 2000)
    short = np.round(rng.standard_normal(2000) * 1e5) / 10.0 ** rng.integers(0, 12, 2000)
    subnormal = rng.integers(1, 2**52, 500).view(np.float64)
    all_ = np.concatenate([whole, halves, short, subnormal, [9007199254740993.0, 0.0, 5e-324, 2.0**-1022]])
    return np.concatenate([all_, np.nextafter(all_, np.inf), np.nextafter(all_, -np.inf)])


def test_hard_cases_beside_each_other() -> None:
    values = hard_cases()
    assert [digits(text) for text in formatted(values)] == [digits(repr(v)) for v in values.tolist()]
    single = values[np.abs(values) < 1e38].astype(np.float32)
    expected = [digits(np.format_float_scientific(v, unique=True, trim="-")) for v in single]
    assert [digits(text) for text in formatted(single)] == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (1000.0, "1000"), (1e15, "1000000000000000"), (1e16, "1e16"),
        (0.0001, "0.0001"), (0.00001, "1e-5"), (-12.5, "-12.5"), (1.5e-300, "1.5e-300"), (math.inf, "inf"),
        (-math.inf, "-inf"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e308"),
    ],
)  # fmt: skip
def test_the_notation(value: float, text: str) -> None:
    assert formatted(np.array([value])) == [text]


def test_rows_end_in_a_separator() -> None:
    assert text_of(np.array([[1.0, 2.5], [3.0, -4.0]])) == "1;2.5;\n3;-4;\n"


def test_the_order_of_texts_is_that_of_numbers() -> None:
    values = np.sort(np.random.default_rng(3).standard_normal(500))
    assert all(float(a) < float(b) for a, b in pairwise(formatted(values)))
