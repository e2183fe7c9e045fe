"""Clustering jobs (`kmean`): every rank reads all signals and computes its share of the distances."""

import numpy as np

from hpc_kernels.errors import BadInputError, UnfitSignalError
from hpc_kernels.files import OutputEntry, describe_output
from hpc_kernels.jobs.job_file import Job
from hpc_kernels.jobs.options import Options
from hpc_kernels.jobs.previews import write_label_preview
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.ranks.exchange import open_exchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.ranks.parallel_map import ParallelMap
from hpc_kernels.reports.usage import Phases
from hpc_kernels.services.kmean import kmean
from hpc_kernels.tables.input import TableInput
from hpc_kernels.tables.labels import write_labels

_NAME, _HEADER = "kmean", "timeseries;labels"


def run_clustering(job: Job, ranks: Ranks, phases: Phases) -> list[OutputEntry]:
    """Cluster all signals of the input; rank 0 writes the labels and returns the list of outputs.

    Raises
    ------
    BadInputError
        If the input does not suit `kmean`.
    StoppedError
        If another rank has failed.
    """
    exchange = open_exchange(ranks, phases)
    with phases.phase("read"):
        source = TableInput.open_in_blocks(
            job.input, job.layout, ranks, shares=1, threads=job.threads, options=job.reading
        )
        table = source.read_all(job.compute_type)
        signals = table.signals
    phases.counts = source.counts
    if not ranks.rank:
        for text in source.warnings:
            phases.warnings.add(text)
    phases.record_input(len(table.names), signals.shape[1], table.input_bytes)
    if np.isnan(signals[:, -1]).any():
        raise BadInputError(f"{job.input.name}: kmean needs series of one length; some end in blank cells")
    with phases.phase(_NAME):
        try:
            options = _fitted(job.services[_NAME], len(table.names))
            labels = kmean(signals, **options, parallel_map=ParallelMap(exchange, job.threads))
        except UnfitSignalError as error:
            raise BadInputError(f"{job.input.name}: kmean: {error}") from error
    exchange.close()
    if ranks.rank:
        return []
    path = job.output_path(SERVICES[_NAME].output)
    with phases.phase("write"):
        write_labels(path, _HEADER, table.names, labels)
        write_label_preview(job, _NAME, _HEADER, labels)
    return [describe_output(_NAME, path)]


def _fitted(options: Options, signals: int) -> Options:
    """Return the options with the default number of clusters lowered to the number of signals."""
    return {"cluster_number": min(2, signals)} | options
