"""Hints at the option that would have helped with a cell that is no number."""

import re

from hpc_kernels.tables.csv.missing_words import is_missing
from hpc_kernels.tables.times import is_time

DECIMAL_COMMA = re.compile(rb"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_DECIMAL_POINT = re.compile(rb"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(
    rb"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3}){2,}|(?:\.[0-9]{3}){2,}"
    rb"|(?:[ '\xa0\xc2\xe2\x80\xaf\x99]+[0-9]{3})+)(?:[.,][0-9]+)?"
    rb"|[+-]?[0-9]{1,3}(?:,[0-9]{2,3})+\.[0-9]+|[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"
)
MAY_BE_THOUSANDS = re.compile(rb"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
FILL = "params.table.missing reads on where cells are blank: interpolate, previous or drop"
_SHORT_YEAR = re.compile(rb"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2}(?:[ T].*)?")
_LONGEST = 100  # bytes of a cell that is looked at
_DIGITS = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)"
_EXPONENT_D = re.compile(_DIGITS + r"[dD][+-]?[0-9]+", re.ASCII)
_BEFORE, _BEHIND = r"[^\w\s#+.,;-]{0,3}\s?", r"\s?[^\d\s.,;]{0,12}"
_WITH_UNIT = re.compile(rf"{_BEFORE}{_DIGITS}(?:[eE][+-]?[0-9]+)?{_BEHIND}")
_ABSENT = re.compile(rb"#.+|<.+>|\*+|missing|undefined|nil", re.IGNORECASE)
_ONE_NUMBER = re.compile(_DIGITS + r"(?:[eE][+-]?[0-9]+)?\s*", re.ASCII)
_MINUS = str.maketrans("\u2212\u2013\u2012", "---")


def has_thousands(text: bytes) -> bool:
    """Return whether a cell is a number with thousands separators beyond doubt."""
    return bool(_THOUSANDS.fullmatch(text[:_LONGEST]))


def cell_hint(text: bytes, separator: bytes, decimal: bytes) -> str:
    """Return the end of the message about a cell that is no number, blank where no option would help."""
    if is_missing(text):
        return f"; {FILL}"
    text = text[:_LONGEST]
    if has_thousands(text):
        return "; use a decimal point, and leave out thousands separators"
    if decimal == b"." and DECIMAL_COMMA.fullmatch(text):
        return _comma_hint(text, separator)
    if decimal == b"," and _DECIMAL_POINT.fullmatch(text):
        return (
            "; the decimal mark was a comma before: set params.table.decimal, and write one mark throughout"
        )
    return _time_hint(text)


def number_hint(text: bytes) -> str:
    """Return the end of the message about a number that is written in another way, blank for a word."""
    cell = text[:_LONGEST].decode("utf-8", "replace")
    if _EXPONENT_D.fullmatch(cell):
        return "; write the exponent with e, as in 1.5e3"
    plain = cell.translate(_MINUS)
    if plain != cell and re.fullmatch(_DIGITS, plain):
        return "; write the minus as -"
    if _ONE_NUMBER.fullmatch(cell):
        return ""
    return "; write the number alone, without a unit or a currency" if _WITH_UNIT.fullmatch(cell) else ""


def word_hint(text: bytes) -> str:
    """Return the end of the message about a single cell that is neither a number nor a time."""
    if _ABSENT.fullmatch(text[:_LONGEST]):
        return f"; if it stands for a missing number, leave the cell blank: {FILL}"
    return number_hint(text)


def _time_hint(text: bytes) -> str:
    """Return the end of the message about a date or a time among the numbers, blank for another text."""
    if _SHORT_YEAR.fullmatch(text):
        return (
            "; year, month and day cannot be told apart: write dates as YYYY-MM-DD, or name the column with"
            " params.table.time_column, which carries it along as it is"
        )
    if is_time(text.decode("utf-8", "replace")):
        return "; name the column with params.table.time_column, or leave it out with params.table.skip"
    return ""


def _comma_hint(text: bytes, separator: bytes) -> str:
    if MAY_BE_THOUSANDS.fullmatch(text):
        return "; use a decimal point, not a decimal comma, and leave out thousands separators"
    option = ", or set params.table.decimal" if separator not in {b"", b","} else ""
    return f"; use a decimal point, not a decimal comma{option}"
