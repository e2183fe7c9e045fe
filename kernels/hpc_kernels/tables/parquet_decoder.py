"""Decoder process of Parquet tables: sends size and names, then requested columns, over descriptor 0."""

import json
import socket
import sys
from io import BufferedRWPair
from pathlib import Path
from typing import TYPE_CHECKING

from hpc_kernels.confinement import confine
from hpc_kernels.errors import BAD_INPUT, BadInputError, cell_place
from hpc_kernels.tables.bounds import LONGEST_HEADER, check_columns, long_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_BYTES_AT_ONCE = 1 << 24
_WRITTEN_BYTES = 1 << 16  # of messages; it writes no other file


def decode_parquet() -> int:
    """Decode the file of the first argument for the parent process; return the exit code.

    The second argument is the bound of its memory.
    """
    path = Path(sys.argv[1])
    confine(int(sys.argv[2]), _WRITTEN_BYTES)
    import polars as pl  # noqa: PLC0415 (within the limits)

    try:
        with socket.socket(fileno=0) as connection, connection.makefile("rwb") as talk:
            _answer(path, talk)
    except BadInputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    except pl.exceptions.PolarsError as error:
        print(f"{path.name}: not a Parquet file: {str(error).splitlines()[0]}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    except BrokenPipeError:  # the parent has refused the table
        return 0
    return 0


def _answer(path: Path, talk: BufferedRWPair) -> None:
    import polars as pl  # noqa: PLC0415 (within the limits)

    table = pl.scan_parquet(path, glob=False)
    schema = table.collect_schema()
    for name, kind in schema.items():
        if not kind.is_numeric():
            raise BadInputError(f"{path.name}: column {name!r}: expected numbers, found {kind}")
    rows = table.select(pl.len()).collect().item() if schema else 0
    if not rows:
        raise BadInputError(f"{path.name}: expected at least one sample, found none")
    talk.write(b"%d\n" % rows + _names(path.name, schema.names()) + b"\n")
    talk.flush()
    if not (request := talk.readline()):
        return
    first, last = map(int, request.split())
    numbers = table.select(pl.all().cast(pl.Float64).fill_null(float("nan")))
    for _, series in _columns(path.name, numbers, range(first, last), rows):
        if not series.is_finite().all():
            raise _first_bad(path.name, numbers, range(len(schema)), rows)
        talk.write(series.rechunk().to_numpy().data)


def _names(file: str, names: list[str]) -> bytes:
    check_columns(file, len(names))
    text = json.dumps(names, ensure_ascii=False).encode()
    if len(text) > LONGEST_HEADER:
        raise long_header(file)
    return text


def _columns(file: str, table: "pl.LazyFrame", wanted: range, rows: int) -> "Iterator[tuple[int, pl.Series]]":
    """Yield columns with their indices, decoded a few at a time."""
    import polars as pl  # noqa: PLC0415 (within the limits)

    step = max(1, _BYTES_AT_ONCE // (8 * rows))
    for start in range(wanted.start, wanted.stop, step):
        some = wanted[start - wanted.start :][:step]
        frame = table.select(pl.nth(*some)).collect()
        if frame.height != rows:
            raise BadInputError(f"{file}: expected {rows} rows, found {frame.height}")
        yield from zip(some, frame, strict=True)


def _first_bad(file: str, table: "pl.LazyFrame", columns: range, rows: int) -> BadInputError:
    """Return the error of the first cell of the whole table that is not a finite number."""
    row, column, name, value = min(
        (int(bad[0]), column, series.name, series[int(bad[0])])
        for column, series in _columns(file, table, columns, rows)
        if len(bad := series.is_finite().not_().arg_true())
    )
    return BadInputError(
        f"{cell_place(file, row + 1, column, name)}: expected a finite number, found {value}"
    )


if __name__ == "__main__":
    sys.exit(decode_parquet())
