"""Filtering jobs: each rank computes its share of the signals and formats its share of the rows."""

import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hpc_kernels.arrays import Array, call_shifted, run_in_blocks
from hpc_kernels.errors import BadInputError, UnfitSignalError
from hpc_kernels.files import HashingWriter, OutputEntry, describe_output, open_atomically
from hpc_kernels.jobs.job_file import Job
from hpc_kernels.jobs.options import Options
from hpc_kernels.jobs.previews import write_preview
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.ranks.group import Ranks, range_block
from hpc_kernels.reports.progress import Progress
from hpc_kernels.reports.usage import Phases
from hpc_kernels.reports.warnings import Warnings
from hpc_kernels.tables.columnar import COLUMNAR, check_format, write_columns
from hpc_kernels.tables.input import Table, TableInput
from hpc_kernels.tables.output import TableWriter

_CELLS_AT_A_TIME = 1 << 23
_COPIED_AT_ONCE = 1 << 20


def run_filtering(job: Job, ranks: Ranks, phases: Phases) -> list[OutputEntry]:
    """Compute every service of the job and write the results; rank 0 returns their list.

    A share that does not fit into memory is read and computed in blocks of signals.

    Raises
    ------
    BadInputError
        If the input does not suit a service.
    StoppedError
        If another rank has failed.
    """
    check_format(job.format)
    source = TableInput.open_in_blocks(
        job.input, job.layout, ranks, shares=ranks.size, threads=job.threads, options=job.reading
    )
    blocks = source.blocks
    held: dict[str, Array] = {}
    for block in range(blocks):
        work = _read(job, source, ranks, phases, block=block, blocks=blocks)
        if not block:
            rate = _sampling_rate(work, source)
        for name in job.services:
            result = _result(work, name)
            if ranks.size == blocks == 1:
                held[name] = result
            elif len(result):
                ranks.put(f"{name}.{block}.{ranks.rank}", result)
    phases.counts = source.counts
    work = replace(work, rate=rate)
    outputs = [
        _write(work, name, [held[name]] if held else _gathered(work, name, blocks)) for name in job.services
    ]
    return [] if ranks.rank else outputs


def _read(job: Job, source: TableInput, ranks: Ranks, phases: Phases, *, block: int, blocks: int) -> "_Work":
    def share(total: int) -> range:
        return range_block(ranks.share(total), block, blocks)

    with phases.phase("read"):
        table = source.read(share)
        first = share(len(table.names)).start
        signals = source.rounded(table, job.compute_type, first)
    phases.record_input(len(table.names), table.signals.shape[1], table.input_bytes)
    return _Work(job, ranks, phases, table, signals, first)


def _sampling_rate(work: "_Work", source: TableInput) -> float | None:
    """Tell about the table and its times; return their rate if they are equidistant and `fft` needs it."""
    job, told = work.job, Warnings(silent=True) if work.ranks.rank else work.phases.warnings
    for text in source.warnings:
        told.add(text)
    if work.table.times is None:
        return None
    if job.format == "npy" and any(SERVICES[name].keeps_time for name in job.services):
        told.add(f"{job.input.name}: a .npy file has no column of times; the results have none")
    if work.ranks.rank and "fft" not in job.services:
        return None
    steps = work.table.times.steps
    if steps and steps.are_equal:
        return 1 / steps.seconds
    said = steps.deviation_words if steps else "the times are not read as times"
    told.add(f"{job.input.name}: {said}; samples are taken as equidistant, and fft learns no sampling_rate")
    return None


@dataclass(frozen=True)
class _Work:
    """Arguments of every step of a run: job, ranks, table, and the signals of this rank."""

    job: Job
    ranks: Ranks
    phases: Phases
    table: Table
    signals: Array
    first: int  # number of the first of the signals
    rate: float | None = None  # of the samples, as the times have it


def _result(work: _Work, name: str) -> Array:
    """Compute one service on the signals of `work`, and its relative errors for the profile."""
    with work.phases.phase(name):
        result = _computed(work, name)
    work.phases.undefined.look(name, result, work.job.output_type, work.table.names, work.first)
    if work.job.profile:
        with work.phases.phase("errors"):
            _note_errors(work, name, result)
    return result


def _gathered(work: _Work, name: str, blocks: int) -> list[Array]:
    """Return the results of all ranks and blocks in the order of the signals, mapped from their files."""
    ranks, total = work.ranks, len(work.table.names)
    parts = []
    with work.phases.phase("wait"):
        for rank in range(ranks.size):
            own = (block for block in range(blocks) if range_block(ranks.share(total, rank), block, blocks))
            parts += [np.load(ranks.wait_for(f"{name}.{block}.{rank}"), mmap_mode="r") for block in own]
    return parts


def _write(work: _Work, name: str, parts: list[Array]) -> OutputEntry:
    """Format this rank's share of the rows; rank 0 appends the shares of the other ranks to its own."""
    job, ranks = work.job, work.ranks
    names, columns = _columns(work, job.services[name], parts)
    if not ranks.rank:
        with work.phases.phase("preview"):
            write_preview(job, name, work.table, names, columns)
    times = work.table.times if SERVICES[name].keeps_time and job.format != "npy" else None
    text = TableWriter(names, columns, np.dtype(job.output_type), job.format == "csv", times)
    if job.format in COLUMNAR:
        return _write_columns(work, name, text)
    own, progress = ranks.share(text.samples), Progress(f"{name}: written")
    result = job.output_path(SERVICES[name].output)
    path = ranks.path(f"{name}.text.{ranks.rank}") if ranks.rank else result
    with work.phases.phase("write"):
        with open_atomically(path, durable=not ranks.rank) as plain:
            file = HashingWriter(plain)
            if not ranks.rank:
                file.write(text.header())
            text.write_rows(file, own, job.threads, progress)
            for rank in range(1, 1 if ranks.rank else ranks.size):
                with ranks.wait_for(f"{name}.text.{rank}").open("rb") as rows:
                    shutil.copyfileobj(rows, file, _COPIED_AT_ONCE)
        return describe_output(name, path, file.sha256)


def _write_columns(work: _Work, name: str, table: TableWriter) -> OutputEntry:
    """Write a columnar file: rank 0 alone, as it cannot be put together from parts."""
    job, path = work.job, work.job.output_path(SERVICES[name].output)
    if work.ranks.rank:
        return {}
    units = list(work.table.units) if SERVICES[name].keeps_unit else []
    if units and len(table.names) > len(units):  # the first column is the frequency
        units.insert(0, "Hz")
    with work.phases.phase("write"), open_atomically(path) as file:
        write_columns(file, job.format, table, units, {"service": name})
    return describe_output(name, path)


def _computed(work: _Work, name: str) -> Array:
    """Return the result of one service on this rank's signals."""
    job = work.job
    signals = work.signals if name == "black_scholes" else _equally_long(work, name)
    function, arguments = SERVICES[name].function(), _arguments(work, name)
    width = SERVICES[name].width(signals.shape[1], job.services[name])
    out = np.empty((len(signals), width), signals.dtype)

    def kernel(block: slice) -> None:
        per_signal = {key: value[block] for key, value in arguments.items() if isinstance(value, np.ndarray)}
        function(signals[block], **(arguments | per_signal), out=out[block])

    try:
        with _warnings_logged(work.phases.warnings):
            _in_steps(kernel, signals, job.threads, Progress(f"{name}: computed"))
    except UnfitSignalError as error:
        raise BadInputError(f"{job.input.name}: {name}: {error}") from error
    return out


def _in_steps(kernel: Callable[[slice], None], signals: Array, threads: int, progress: Progress) -> None:
    """Compute the signals in steps that are short enough for reports of the progress."""
    count = len(signals)
    step = max(threads, _CELLS_AT_A_TIME // signals.shape[1])
    for start in range(0, count, step):
        stop = min(start + step, count)
        run_in_blocks(partial(call_shifted, kernel, start), stop - start, threads)
        progress.report(stop, count)


def _note_errors(work: _Work, name: str, result: Array) -> None:
    """Record the relative errors of perforation and of single precision for the profile."""
    job = work.job
    if SERVICES[name].perforated and job.perforation_stride > 1:
        whole = replace(work, job=replace(job, perforation_stride=1))
        work.phases.errors.add(name, "perforation", result, _computed(whole, name))
    if job.precision_scenario > 1:
        double = replace(work, signals=work.table.signals)
        with np.errstate(over="ignore"):  # beyond single precision is infinite
            written = result.astype(job.output_type)
        work.phases.errors.add(name, "precision", written, _computed(double, name))


@contextmanager
def _warnings_logged(log: Warnings) -> Iterator[None]:
    """Add the warnings of a library or a kernel to those of the job."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        log.add(str(warning.message))


def _arguments(work: _Work, name: str) -> Options:
    """Return the keyword arguments of the function of a service."""
    service, options = SERVICES[name], dict(work.job.services[name])
    options.pop("sampling_rate", None)  # affects the frequency column alone
    if expiry := options.pop("expiry_date", None):
        options["years_until_expiry"] = _years_until(work, expiry)
    return options | ({"stride": work.job.perforation_stride} if service.perforated else {})


def _years_until(work: _Work, expiry: str) -> Array:
    from hpc_kernels.services.black_scholes import years_until  # noqa: PLC0415 (lazy: only for this option)

    if work.table.last_dates is None:
        raise BadInputError(
            "params.black_scholes.expiry_date needs the dates of asset pairs, not a sensor table"
        )
    years = years_until(expiry, work.table.last_dates)
    if (years <= 0).any():
        last = max(work.table.last_dates)
        raise BadInputError(
            f"params.black_scholes.expiry_date must lie after the last date, {last}, not {expiry}"
        )
    return years


def _equally_long(work: _Work, name: str) -> Array:
    if np.isnan(work.signals[:, -1]).any():
        raise BadInputError(
            f"{work.job.input.name}: {name} needs series of one length; some end in blank cells"
        )
    return work.signals


def _columns(work: _Work, options: Options, parts: list[Array]) -> tuple[Sequence[str], list[Array]]:
    """Return names and columns of the result; `fft` begins with `frequency` where the rate is known."""
    names = work.table.names
    if "spectrum" in options and (rate := options.get("sampling_rate") or work.rate):
        from hpc_kernels.services.fft import frequencies  # noqa: PLC0415 (lazy: only this service needs it)

        column = frequencies(work.table.signals.shape[1], rate, options["spectrum"])
        return ["frequency", *names], [column[np.newaxis], *parts]
    return names, parts
