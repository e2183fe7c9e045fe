"""Classification jobs (`knn`): every rank reads all training signals and classifies some of the files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array, Labels, compute_in_blocks
from hpc_kernels.errors import REQUEST_MORE, BadInputError, LackOfMemoryError, UnfitSignalError
from hpc_kernels.files import OutputEntry, describe_output
from hpc_kernels.jobs.job_file import Job
from hpc_kernels.jobs.options import Options
from hpc_kernels.jobs.previews import write_label_preview
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.ranks.exchange import open_exchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.reports.progress import Progress
from hpc_kernels.reports.usage import Phases
from hpc_kernels.services.knn import Classifier
from hpc_kernels.tables.granted_memory import granted_bytes
from hpc_kernels.tables.input import Table, TableInput
from hpc_kernels.tables.labels import label_of, read_labels, write_labels

_NAME, _HEADER = "knn", "timeseries;label"
_FILES_AT_A_TIME = 64  # per thread, between two reports of the progress


def run_classification(job: Job, ranks: Ranks, phases: Phases) -> list[OutputEntry]:
    """Classify each file of the inference folder; rank 0 writes the labels and returns the list of outputs.

    Raises
    ------
    BadInputError
        If a signal or a label does not suit `knn`.
    StoppedError
        If another rank has failed.
    """
    exchange = open_exchange(ranks, phases)
    with phases.phase("read"):
        source = TableInput.open_in_blocks(
            job.input, job.layout, ranks, shares=1, threads=job.threads, options=job.reading
        )
        table = source.read_all(job.compute_type)
        training = table.signals
        labels = _training_labels(job, table)
        files = _inference_files(job)
        queries = _queries(job, files, ranks, training.shape[1])
    phases.counts = source.counts
    if not ranks.rank:
        for text in source.warnings:
            phases.warnings.add(text)
    phases.record_input(len(table.names), training.shape[1], table.input_bytes)
    if np.isnan(training[:, -1]).any():
        raise BadInputError(f"{job.input.name}: knn needs series of one length; some end in blank cells")
    with phases.phase(_NAME):
        found = _classified(job, training, labels, queries)
    with phases.phase("wait"):
        all_found = exchange.gather(found)
        exchange.close()
    if ranks.rank:
        return []
    path = job.output_path(SERVICES[_NAME].output)
    with phases.phase("write"):
        classes = all_found.astype(np.int64)
        write_labels(path, _HEADER, [file.name for file in files], classes)
        write_label_preview(job, _NAME, _HEADER, classes)
    return [describe_output(_NAME, path)]


def _training_labels(job: Job, table: Table) -> Labels:
    if job.labels is None:
        raise BadInputError("knn needs labels, the file with the classes of the training signals")
    known = read_labels(job.labels, job.services[_NAME]["cluster_number"])
    seen: set[str] = set()
    for name in table.names:
        if name in seen:
            raise BadInputError(
                f"{job.input.name}: row 1: two signals are called {name!r}; labels go by name"
            )
        seen.add(name)
    labels = [label_of(name, known) for name in table.names]
    if None in labels:
        name = table.names[labels.index(None)]
        raise BadInputError(
            f"{job.labels.name}: expected a label for the training signal {name!r}, found none"
        )
    return np.array(labels)


def _inference_files(job: Job) -> list[Path]:
    folder = job.inference_dir
    if folder is None:
        raise BadInputError("knn needs inference_dir, the folder with the signals to classify")
    if not folder.is_dir():
        raise BadInputError(f"{folder}: folder not found")
    shown = (path for path in folder.glob("[!.]*.csv") if path.is_file())
    files = sorted(shown, key=lambda path: path.name)
    if not files:
        raise BadInputError(f"{folder}: expected at least one signal to classify (*.csv), found none")
    return files


def _queries(job: Job, files: list[Path], ranks: Ranks, samples: int) -> list[Array]:
    """Return this rank's share of the queries; every rank raises for the first bad file of all."""
    own = ranks.share(len(files))
    try:
        return _within_memory(job, (_query(job, file, samples) for file in files[own.start : own.stop]))
    except BadInputError:
        for file in files[: own.start]:
            _query(job, file, samples)
        raise


def _within_memory(job: Job, queries: Iterable[Array]) -> list[Array]:
    """Return the queries, if the memory of this rank can hold all of them."""
    held, size, granted = list[Array](), 0, granted_bytes()
    for query in queries:
        size += query.nbytes
        if size > granted:
            raise LackOfMemoryError(
                f"{job.inference_dir}: its signals take {size:,} bytes of memory or more, and this rank may"
                f" use {granted:,} for them; {REQUEST_MORE}"
            )
        held.append(query)
    return held


def _query(job: Job, file: Path, samples: int) -> Array:
    """Return the signal of a file; the Euclidean metric requires `samples` samples."""
    source = TableInput(file, options=job.reading.of_a_query())
    table = source.read(range)
    if len(table.names) != 1:
        raise BadInputError(f"{file.name}: row 1: expected one signal, found {len(table.names)} columns")
    signal: Array = source.rounded(table, job.compute_type, first=0)[0]
    if job.services[_NAME]["metric"] == "euclidean" and len(signal) != samples:
        expected = f"expected {samples} samples, as the training signals have under the Euclidean metric"
        raise BadInputError(f"{file.name}: {expected}, found {len(signal)}")
    return signal


def _classified(job: Job, training: Array, labels: Labels, queries: list[Array]) -> Array:
    progress, found = Progress("knn: classified"), list[Array]([np.empty(0)])
    step = _FILES_AT_A_TIME * job.threads
    try:
        classifier = Classifier(training, labels, **_fitted(job.services[_NAME], len(training)))
    except UnfitSignalError as error:
        raise BadInputError(f"{job.input.name}: knn: {error}") from error
    for start in range(0, len(queries), step):
        some = queries[start : start + step]

        def kernel(block: slice, some: list[Array] = some) -> Array:
            return classifier.classes(some[block]).astype(np.float64)

        found.append(compute_in_blocks(kernel, len(some), job.threads))
        progress.report(start + len(some), len(queries))
    return np.concatenate(found)


def _fitted(options: Options, signals: int) -> Options:
    """Return the options of `knn` with the default number of neighbours lowered to the number of signals."""
    given = {"k_nearest_neighbor": min(7, signals)} | options
    del given["cluster_number"]
    return given
