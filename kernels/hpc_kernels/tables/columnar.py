"""Results as Parquet or Arrow files, with names, units and times, written by the optional package pyarrow."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.output import TableWriter

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNAR = ("parquet", "arrow")
_CELLS_AT_A_TIME = 1 << 21


def check_format(kind: str) -> None:
    """Raise `BadInputError` for a format whose package is missing."""
    if kind in COLUMNAR and find_spec("pyarrow") is None:
        raise BadInputError(
            f"output_format {kind} needs the package pyarrow, which the kernels of this cluster lack; choose"
            " csv or npy, or have hpc-kernels[arrow] installed"
        )


def write_columns(
    file: IO[bytes], kind: str, table: TableWriter, units: Sequence[str], about: Mapping[str, str]
) -> None:
    """Write a table as Parquet or as an Arrow file, some rows at a time.

    Parameters
    ----------
    units : sequence of str
        One for each column of numbers, or none.
    about : mapping
        Metadata of the file, beside the name of the time column.
    """
    schema = _schema(table, units, about)
    with _writer(file, kind, schema) as writer:
        for batch in _batches(table, schema):
            writer.write_batch(batch)


def _schema(table: TableWriter, units: Sequence[str], about: Mapping[str, str]) -> "pa.Schema":
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    number = pa.from_numpy_dtype(table.kind)
    units = units or [""] * len(table.names)
    fields = [
        pa.field(_clean(name), number, metadata={"unit": _clean(unit)} if unit else None)
        for name, unit in zip(table.names, units, strict=True)
    ]
    if table.times is not None:
        fields.insert(0, pa.field(_clean(table.times.name), pa.string()))
        about = dict(about) | {"time_column": _clean(table.times.name)}
    return pa.schema(fields, metadata=dict(about))


def _writer(file: IO[bytes], kind: str, schema: "pa.Schema") -> Any:
    import pyarrow as pa  # noqa: PLC0415 (an extra)
    import pyarrow.parquet as pq  # noqa: PLC0415 (an extra)

    if kind == "arrow":
        return pa.ipc.new_file(file, schema)
    return pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False)


def _batches(table: TableWriter, schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    step = max(1, _CELLS_AT_A_TIME // len(table.names))
    blocks = [range(start, min(start + step, table.samples)) for start in range(0, table.samples, step)]
    times = table.times.blocks(0, [len(rows) for rows in blocks]) if table.times else iter(())
    for rows in blocks:
        values = table.values(rows)
        columns = [pa.array(values[:, i]) for i in range(values.shape[1])]
        if table.times is not None:
            lines = next(times).decode("utf-8", "replace").split("\n")[:-1]
            columns.insert(0, pa.array(lines, pa.string()))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _clean(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
