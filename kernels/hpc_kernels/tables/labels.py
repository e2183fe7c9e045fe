"""Label files: `kmean` and `knn` write them, `knn` reads one for its training signals.

Spreadsheets take a cell that begins with one of a few characters for a formula: a name that is no number
begins with a quote instead.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hpc_kernels.arrays import Labels
from hpc_kernels.errors import BadInputError, unreadable_as_bad_input
from hpc_kernels.files import open_atomically
from hpc_kernels.tables.bounds import LONGEST_LABELS, MOST_COLUMNS
from hpc_kernels.tables.csv.bounded_lines import BoundedLines
from hpc_kernels.tables.output import quote_cell

_LABEL = re.compile("0*([0-9]{1,18})")  # 18 digits fit into int64
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # or a name that is told from a quoted one by one more quote
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def write_labels(path: Path, header: str, names: Sequence[str], labels: Labels) -> None:
    """Write a header and ``name;label`` lines, or the labels alone if `path` ends in ``.npy``."""
    with open_atomically(path) as file:
        if path.suffix == ".npy":
            np.save(file, labels)
            return
        cells = (quote_cell(without_formula(name)) for name in names)
        lines = (f"{cell};{label}\n" for cell, label in zip(cells, labels, strict=True))
        file.writelines(line.encode("utf-8", "surrogateescape") for line in chain([f"{header}\n"], lines))


def without_formula(name: str) -> str:
    """Return a name as a label file has it: with a quote before the beginning of a formula."""
    return f"'{name}" if _FORMULA.match(name) and not _NUMBER.fullmatch(name) else name


def label_of(name: str, labels: Mapping[str, int]) -> int | None:
    """Return the label of a signal in the labels of a file, which may have been written without quotes."""
    return labels.get(without_formula(name), labels.get(name))


def read_labels(path: Path, classes: int) -> dict[str, int]:
    """Return the label of each name in a label file, both as the file has them.

    Raises
    ------
    BadInputError
        If a name stands twice, a label is not below `classes`, or the file is too large.
    """
    try:
        _check_size(path)
        with path.open("rb") as file, unreadable_as_bad_input(path.name, "label"):
            return _labels(path.name, file, classes)
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if not path.is_file():
        raise BadInputError(f"{path}: cannot be read: not a file")
    if size > LONGEST_LABELS:
        raise BadInputError(f"{path.name}: expected at most {LONGEST_LABELS:,} bytes, found {size:,}")


def _labels(file_name: str, file: BinaryIO, classes: int) -> dict[str, int]:
    labels: dict[str, int] = {}
    for number, row in enumerate(_rows(file_name, file), 1):
        if not row or number == 1:
            continue
        where = f"{file_name}: row {number}"
        name, label = _name_and_label(where, row, classes)
        if name in labels:
            raise BadInputError(f"{where}, column 1: {name!r} has a label already")
        if len(labels) >= MOST_COLUMNS:
            raise BadInputError(f"{where}: expected at most {MOST_COLUMNS:,} labels")
        labels[name] = label
    return labels


def _rows(file_name: str, file: BinaryIO) -> Iterator[list[str]]:
    lines = BoundedLines(file, file_name, b";", "surrogateescape")
    try:
        for row in csv.reader(lines, delimiter=";"):
            yield row
            lines.begin_row()
    except csv.Error as error:
        raise BadInputError(f"{file_name}: not a table of labels: {error}") from error


def _name_and_label(where: str, row: list[str], classes: int) -> tuple[str, int]:
    if len(row) == 3 and not row[2].strip():  # noqa: PLR2004 (a trailing separator)
        row = row[:2]
    if len(row) != 2:  # noqa: PLR2004
        raise BadInputError(f"{where}: expected a name and a label, found {len(row)} cells")
    text = row[1].strip()
    known = _LABEL.fullmatch(text)
    label = int(known[1]) if known else -1
    if not 0 <= label < classes:
        expected = f"expected a label from 0 to {classes - 1}"
        raise BadInputError(f"{where}, column 2: {expected}, found {text[:40]!r}")
    return row[0], label
