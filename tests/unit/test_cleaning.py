"""Text from outside: no character that controls a terminal passes, and no text is longer than its bound."""

import logging
import sys
import unicodedata

import pytest

from gateway.cleaning import LONGEST, clean, clean_lines
from gateway.errors import GatewayError, Invalid, StorageUnavailable
from gateway.logs import JsonLines, TextLines
from gateway.schedulers.base import JobReport
from gateway.states import JobState
from hpc_gateway_client.commands.cleaning import clean as client_clean
from hpc_gateway_client.commands.cleaning import clean_log

HOSTILE = {
    "color": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b31m\x85\x90",
    "delete": "a\x7f\x08b",
    "nul": "a\0b",
    "lines": "a\r\nb\nc\u2028d\x0be",
    "bidi": "\u202egpj.exe\u2066\u200f",
    "zero width": "a\u200bb\ufeff",
    "surrogate": "a\udc80b",
    "private": "\ue000\U000f0000",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_each_control_is_visible_and_on_one_line(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    assert clean(shown) == shown
    assert client_clean(text) == shown


def test_no_character_of_a_control_category_passes() -> None:
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number)) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
            assert clean(chr(number)).isascii(), hex(number)


@pytest.mark.parametrize("text", ["", "größer als 5 °C", "日本語 ok", "C:\\dir \\x1b", "  two  spaces "])
def test_ordinary_text_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", ["x" * 10**6, "\x1b" * 1999, "\n" * 10**6])
def test_a_long_text_is_cut_and_says_its_length(text: str) -> None:
    assert len(clean(text)) == LONGEST
    assert clean(text).endswith(f"... ({len(text)} characters)")
    assert clean(clean(text)) == clean(text)


def test_lines_stay_lines_and_a_long_text_keeps_beginning_and_end() -> None:
    assert clean_lines("a\x1b\nb\r", 100) == "a\\x1b\nb "
    cut = clean_lines("first" + "x" * 10**6 + "last", 1000)
    assert (cut[:5], cut[-4:], len(cut) <= 1010) == ("first", "last", True)


def test_a_log_of_a_job_keeps_its_lines_and_tabs() -> None:
    assert clean_log("a\tb\r\n\x1b[2Jc\n") == "a\tb\\r\n\\x1b[2Jc\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_errors_and_reports_hold_clean_text(text: str) -> None:
    for error in (GatewayError(text), StorageUnavailable(text), Invalid(text, field=text)):
        assert error.detail.isprintable()
        assert str(error) == error.detail
    assert JobReport("n", "1", JobState.FAILED, reason=text).reason == clean(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_logged_exception_is_clean(text: str) -> None:
    error = RuntimeError(text + "\nforged")
    record = logging.LogRecord("x", logging.ERROR, "p", 1, "%s", (text,), (RuntimeError, error, None))
    for formatter in (TextLines(), JsonLines()):
        assert all(line.isprintable() for line in formatter.format(record).split("\n"))
    assert "\x1b" not in JsonLines().formatException(record.exc_info)


def test_a_logged_message_is_bounded() -> None:
    record = logging.LogRecord("x", logging.ERROR, "p", 1, "%s", ("y" * 10**6,), None)
    for formatter in (TextLines(), JsonLines()):
        assert len(formatter.format(record)) < 11_000
