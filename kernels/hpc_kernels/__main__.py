"""The command `python -m hpc_kernels`: run, judge, schema, info, warm and bench."""

import argparse
import gc
import json
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpc_kernels.errors import (
    BAD_INPUT,
    LACK_OF_MEMORY,
    REQUEST_MORE,
    BadInputError,
    LackOfMemoryError,
    StoppedError,
)

if TYPE_CHECKING:
    from hpc_kernels.jobs.job_file import Job
    from hpc_kernels.ranks.group import Ranks

UNEXPECTED = 1


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 1 after an unexpected error, else one of `errors`."""
    parser = argparse.ArgumentParser(prog="python -m hpc_kernels", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run a job file; under srun or mpiexec, one process per rank")
    run.add_argument("job", type=Path)
    run.set_defaults(command=lambda given: _run(given.job))
    judge = commands.add_parser("judge", help="judge the table on standard input; the folder is for scratch")
    judge.add_argument("name")
    judge.set_defaults(command=lambda given: _judge(given.name))
    bench = commands.add_parser("bench", help="time every kernel on random walks")
    for option, default in (("--signals", 64), ("--samples", 100_000), ("--threads", 1)):
        bench.add_argument(option, type=_at_least_one, default=default)
    bench.set_defaults(command=_bench)
    for name, command in (("schema", _schema), ("info", _info), ("warm", _warm)):
        commands.add_parser(name, help=command.__doc__).set_defaults(command=command)
    given = parser.parse_args(arguments)
    code: int = given.command(given)
    return code


def _judge(name: str) -> int:
    from hpc_kernels.jobs.judge import judge_standard_input

    for line in judge_standard_input(name):
        print(line, flush=True)
    return 0


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _run(path: Path) -> int:
    from hpc_kernels.jobs.job_file import load_job
    from hpc_kernels.ranks.group import detect_ranks

    try:
        job = load_job(path)
    except (BadInputError, MemoryError) as error:
        if detect_ranks(path.parent).rank == 0:
            print(error, file=sys.stderr)
        return _code(error)
    ranks = detect_ranks(job.output_dir)
    code = _run_as(ranks, job)
    if code:
        from hpc_kernels.ranks.exchange import fail_exchanges

        _write_usage(ranks, job)
        fail_exchanges(code)
    return code


def _run_as(ranks: "Ranks", job: "Job") -> int:
    try:
        from hpc_kernels.jobs.run import run_job

        summary = run_job(job, ranks)
    except StoppedError as stopped:
        return stopped.exit_code
    except (BadInputError, MemoryError) as error:
        if ranks.fail(_code(error)):
            print(_words(job, error), file=sys.stderr)
        return _code(error)
    except Exception:  # noqa: BLE001 (the other ranks have to stop after any exception)
        if ranks.fail(UNEXPECTED):
            traceback.print_exc()
        return UNEXPECTED
    if summary is not None:
        _print(summary)
    return 0


def _code(error: BadInputError | MemoryError) -> int:
    return LACK_OF_MEMORY if isinstance(error, LackOfMemoryError | MemoryError) else BAD_INPUT


def _words(job: "Job", error: BadInputError | MemoryError) -> str:
    """Return the error as one line; that of a rank that was given no more memory names the table."""
    if isinstance(error, BadInputError):
        return str(error)
    said = f" ({error})".splitlines()[0] if str(error) else ""
    return f"{job.input.name}: the job needs more memory than this rank may use{said}; {REQUEST_MORE}"


def _write_usage(ranks: "Ranks", job: "Job") -> None:
    """Write the resource usage of this rank of a failed job; a good run gathers those of all ranks."""
    from hpc_kernels.files import write_json
    from hpc_kernels.reports.usage import resource_usage

    with suppress(OSError):  # the cause of the failure may be a full disk
        write_json(job.output_dir / f"usage.{ranks.rank}.json", resource_usage(ranks.rank))


def _schema(_given: argparse.Namespace) -> int:
    """Print the JSON Schema of every service's options."""
    from hpc_kernels.jobs.options import schema_document

    _print(schema_document())
    return 0


def _info(_given: argparse.Namespace) -> int:
    """Print versions, services and the folder of the machine-code cache."""
    from hpc_kernels.jit.object_cache import cache_folder
    from hpc_kernels.jobs.registry import SERVICES
    from hpc_kernels.jobs.run import library_versions

    _print({"versions": library_versions(), "services": list(SERVICES), "cache": str(cache_folder())})
    return 0


def _warm(_given: argparse.Namespace) -> int:
    """Compile every kernel into the cache, so that no job compiles anything."""
    from hpc_kernels.jobs.warm import warm_cache

    _print(warm_cache())
    return 0


def _bench(given: argparse.Namespace) -> int:
    """Time every kernel on random walks."""
    from hpc_kernels.jobs.bench import time_kernels

    _print(time_kernels(given.signals, given.samples, given.threads))
    return 0


def _print(document: Any) -> None:
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    gc.set_threshold(100_000)  # a collection among the imported modules takes a tenth of a short job,
    code = main()
    gc.freeze()  # and the one at the end of the process another tenth
    sys.exit(code)
