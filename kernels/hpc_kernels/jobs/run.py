"""Run of a job on one rank: compute, gather the reports, list the outputs, publish them."""

import json
import platform
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hpc_kernels import __version__
from hpc_kernels.files import OutputEntry, publish, write_json
from hpc_kernels.jobs.job_file import Job
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.reports.relative_errors import relative_errors
from hpc_kernels.reports.undefined_figures import undefined_sentences
from hpc_kernels.reports.usage import Phases, resource_usage

Summary = dict[str, Any]
_LIBRARIES = ("numpy", "ducc0", "llvmlite", "mpi4py", "numba", "polars", "pyarrow", "pywt")


def run_job(job: Job, ranks: Ranks) -> Summary | None:
    """Run `job` as one of `ranks`; rank 0 publishes the results and returns the summary.

    Raises
    ------
    BadInputError
        If the input does not suit the services; nothing is published then.
    StoppedError
        If another rank has failed.
    """
    phases = Phases()
    try:
        return _run(job, ranks, phases)
    finally:
        if not ranks.rank and phases.warnings.texts:
            with suppress(OSError):  # the cause of a failure may be a full disk
                write_json(job.output_dir / "warnings.json", phases.warnings.texts)


def _run(job: Job, ranks: Ranks, phases: Phases) -> Summary | None:
    run_class = getattr(import_module(f"hpc_kernels.jobs.{job.kind}"), f"run_{job.kind}")
    outputs: list[OutputEntry] = run_class(job, ranks, phases)
    if ranks.rank:
        ranks.stop_if_failed()
        with suppress(FileNotFoundError):  # rank 0 may remove the folder before it is flushed
            write_json(ranks.path(f"usage.{ranks.rank}"), _report(ranks, phases))
        return None
    summary = _summary(job, ranks, phases)
    _finish(job, ranks, outputs, summary)
    return summary


def _report(ranks: Ranks, phases: Phases) -> Summary:
    return {
        "usage": resource_usage(ranks.rank),
        "errors": phases.errors.norms,
        "warnings": phases.warnings.texts,
        "undefined": phases.undefined.found,
        "counts": phases.counts,
    }


def _summary(job: Job, ranks: Ranks, phases: Phases) -> Summary:
    others = [json.loads(ranks.wait_for(f"usage.{rank}").read_bytes()) for rank in range(1, ranks.size)]
    reports = [_report(ranks, phases), *others]
    _join_warnings(phases, reports)
    busy_s = sum(seconds for phase, seconds in phases.seconds.items() if phase != "start_up_s")
    return {
        "version": 1,
        "name": job.name,
        "services": job.services,
        "ranks": ranks.size,
        "exchange": phases.exchange,
        "threads": job.threads,
        **phases.input_size,
        "phases": phases.seconds,
        "input_bytes_per_s": round(phases.input_size["input_bytes"] / busy_s),
        "relative_l2_errors": relative_errors(report["errors"] for report in reports),
        "usage": [report["usage"] for report in reports],
        "warnings": phases.warnings.texts,
        "versions": library_versions(),
    }


def _join_warnings(phases: Phases, reports: list[Summary]) -> None:
    """Add the warnings of the other ranks, and those about all ranks together."""
    for report in reports[1:]:
        phases.warnings.join(report["warnings"])
    for sentence in undefined_sentences(report["undefined"] for report in reports):
        phases.warnings.add(sentence)
    for key, words in (("filled", "missing cells were filled"), ("dropped", "rows were dropped")):
        if count := sum(report["counts"][key] for report in reports):
            phases.warnings.add(f"{count} {words}, as params.table.missing says")


def library_versions() -> dict[str, str]:
    """Return the versions of the package, of Python and of the libraries that were imported."""
    used = {name: sys.modules[name].__version__ for name in _LIBRARIES if name in sys.modules}
    return {"hpc_kernels": __version__, "python": platform.python_version(), **used}


def _finish(job: Job, ranks: Ranks, outputs: list[OutputEntry], summary: Summary) -> None:
    """Write the list of outputs, publish the results, and remove the scratch folder."""
    write_json(job.output_dir / "outputs.json", outputs)
    write_json(job.output_dir / "usage.json", summary["usage"])
    if job.profile:
        write_json(job.profile, summary)
    if job.publish_dir:
        for output in outputs:
            source = Path(output["path"])
            publish(source, job.publish_dir / source.relative_to(job.output_dir))
    ranks.remove_scratch()
