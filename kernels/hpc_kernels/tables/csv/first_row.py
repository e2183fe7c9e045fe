"""Judgement of the first row of a table: names, or a sample whose names may stand in a comment above it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.csv.cell_kinds import (
    are_numbers,
    are_times,
    counts_up,
    is_blank_or_missing,
    is_number,
)
from hpc_kernels.tables.csv.head import Head, SplitHead
from hpc_kernels.tables.times import is_time


@dataclass(frozen=True)
class FirstRow:
    """Whether the first row holds names, the names that a comment holds instead, and a warning."""

    has_names: bool
    above: Sequence[str] = ()
    told: str = ""


def judge_first_row(head: Head, split: SplitHead, comment: Sequence[str]) -> FirstRow:
    """Judge the first row; `comment` are the cells of the comment right above it.

    Raises
    ------
    BadInputError
        If it holds numbers beside missing cells, which may be names or a sample.
    """
    header, shown = split.header, ", ".join(split.header[:3])
    named = len(comment) == len(header) and not are_numbers(comment)
    mixed = are_mixed(header)
    if mixed and not named and not _is_index(split):
        raise BadInputError(
            f"{head.file}: row {head.row}: found numbers and missing cells ({shown}), which may be names or a"
            " sample; set params.table.header to true or false"
        )
    numbers = are_numbers(header) or _are_timed(header) or (mixed and named)
    if numbers and named:
        return FirstRow(
            has_names=False, above=comment, told="the names are read from the comment above the first row"
        )
    if numbers and not counts_up(header):
        told = f"the first row ({shown}) holds numbers alone and is read as a sample"
        return FirstRow(has_names=False, told=f"{told}; signals are called 1, 2, ...")
    return FirstRow(has_names=True)


def are_mixed(cells: Sequence[str]) -> bool:
    """Return whether cells are numbers and missing ones, and both are there."""
    found = set()
    for cell in cells:
        number = is_number(cell)
        if not number and not is_blank_or_missing(cell):
            return False
        found.add(number)
    return len(found) > 1


def _are_timed(header: Sequence[str]) -> bool:
    """Return whether the cells are a time and numbers, of which some may be missing."""
    first, *others = header
    return (
        bool(others)
        and is_time(first)
        and all(is_number(cell) or is_blank_or_missing(cell) for cell in others)
    )


def _is_index(split: SplitHead) -> bool:
    """Return whether a first cell alone is blank, above the index or the times of a data frame."""
    first, *others = split.header
    below = split.column(0)
    index = counts_up(below, least=1) or are_times(below)
    return not first and are_numbers(others) and (index or counts_up(others))
