"""Previews of results, each a small file `<service>.preview` in the output folder of the job."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from hpc_kernels.arrays import Array, Labels
from hpc_kernels.files import open_atomically
from hpc_kernels.jobs.job_file import Job
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.tables.input import Table
from hpc_kernels.tables.previews.extremes import Bounds, equal_stretches, find_extremes
from hpc_kernels.tables.previews.preview import Axis, Preview, preview_size
from hpc_kernels.tables.time_column import TimeColumn

_PAIRS = 1 << 18  # of extremes: at most 4 MiB
_AXES = {"fft": "bin", "black_scholes": "figure"}


def write_preview(job: Job, service: str, table: Table, names: Sequence[str], parts: Sequence[Array]) -> None:
    """Write the preview of a result of `table`; a disk that is full or gone costs the preview alone.

    `parts` are signals (signals, samples) in the order of `names`, for `fft` maybe behind the frequencies.
    """
    samples, has_axis = len(parts[0][0]), len(names) > len(table.names)
    signals, shown = list(parts[has_axis:]), table.names
    times = table.times if SERVICES[service].keeps_time else None
    size = preview_size(len(shown), samples, _PAIRS)
    bounds = equal_stretches(samples, size.stretches)
    least, greatest = find_extremes(signals, bounds, job.output_type, size.signals, job.threads)
    axis = _axis(service, bounds, parts[0][0] if has_axis else None, times)
    kept = table.units if SERVICES[service].keeps_unit else ()
    _write(job, Preview(service, axis, shown, kept, least, greatest, samples, len(shown)))


def write_label_preview(job: Job, service: str, header: str, labels: Labels) -> None:
    """Write the preview of labels, one signal over the rows; `header` is that of the label file."""
    rows, column = header.split(";")
    bounds = equal_stretches(len(labels), preview_size(1, len(labels), _PAIRS).stretches)
    least, greatest = find_extremes([labels.astype(np.float64)[np.newaxis]], bounds, "float64", 1)
    axis = Axis(rows, "", bounds[:-1].astype(np.float64))
    _write(job, Preview(service, axis, [column], (), least, greatest, len(labels), 1))


def _write(job: Job, preview: Preview) -> None:
    path = job.output_dir / f"{preview.service}.preview"
    with suppress(OSError), open_atomically(path, durable=False) as file:
        file.writelines(preview.pieces())


def _axis(service: str, bounds: Bounds, frequencies: Array | None, times: TimeColumn | None) -> Axis:
    if frequencies is not None:
        return Axis("frequency", "Hz", frequencies[bounds[:-1]])
    if times is not None and (seconds := times.seconds_at(bounds[:-1])) is not None:
        return Axis(times.name, "s", seconds)
    return Axis(_AXES.get(service, "sample"), "", bounds[:-1].astype(np.float64))
