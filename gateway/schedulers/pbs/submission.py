"""The options of a submission to PBS: chunks of ranks, limits, and the places of the logs."""

import math

from gateway.clusters.gres import parse_gres
from gateway.clusters.limits import is_one_queue
from gateway.errors import SchedulerError
from gateway.schedulers.base import JobSpec, Resources

# Messages of PBS about the job, and of the login shell above it; each member of an array has its own file.
LOG, MEMBER_LOG = "pbs.log", "pbs.^array_index^.log"
_NOT_IN_PBS = {
    "qos": "quality of service",
    "constraint": "constraint",
    "reservation": "reservation",
}


def qsub_options(spec: JobSpec) -> tuple[str, ...]:
    """Return the arguments of qsub; raise SchedulerError for a resource that PBS has not."""
    resources = spec.resources
    _check(resources)
    # -f: no background process stays; -r n: a job whose node is lost is not begun again.
    options = ["-f", "-N", spec.name, "-r", "n", "-W", "umask=027", "-j", "oe"]
    options += ["-o", str(spec.folder / (MEMBER_LOG if spec.is_array else LOG))]
    if spec.is_array:
        options += ["-J", f"1-{spec.array_size}"]
    options += ["-l", f"select={_select(spec)}", "-l", f"place={'scatter' if _nodes(spec) else 'free'}"]
    if resources.time_limit_s:
        options += ["-l", f"walltime={resources.time_limit_s}"]
    if resources.partition:
        options += ["-q", resources.partition]
    if resources.account:
        options += ["-A", resources.account]
    return tuple(options)


def find_refused(resources: Resources) -> tuple[str, str] | None:
    """Return the first resource that PBS has not, and the sentence about it, or None."""
    for name, words in _NOT_IN_PBS.items():
        if getattr(resources, name):
            return name, f"PBS has no {words}: leave it out"
    if set(parse_gres(resources.gres)) - {"gpu"}:
        return "gres", f"PBS has no generic resources {resources.gres!r}: only gpu:NUMBER is known here"
    if not is_one_queue(resources.partition):
        return "partition", f"PBS takes one queue of its own, not {resources.partition!r}: name one"
    return None


def _check(resources: Resources) -> None:
    if refused := find_refused(resources):
        raise SchedulerError(f"resources.{refused[0]}: {refused[1]}")


def _nodes(spec: JobSpec) -> int | None:
    """Return the number of nodes, each with its share of the ranks; None leaves the placement to PBS."""
    resources = spec.resources
    if resources.nodes:
        return min(resources.nodes, spec.ranks)
    most = resources.cpus_per_node
    if most is None or spec.ranks * spec.threads <= most:
        return None
    return math.ceil(spec.ranks / max(1, most // spec.threads))


def _select(spec: JobSpec) -> str:
    """Return the chunks: one for each rank, or one for each node."""
    nodes = _nodes(spec)
    if nodes is None:
        return _chunks(spec.ranks, 1, spec)
    share, more = divmod(spec.ranks, nodes)
    parts = [(more, share + 1), (nodes - more, share)]
    return "+".join(_chunks(count, ranks, spec) for count, ranks in parts if count)


def _chunks(count: int, ranks: int, spec: JobSpec) -> str:
    """Return equal chunks; the file of nodes has a line for each rank of theirs."""
    resources = spec.resources
    parts = [f"{count}:ncpus={ranks * spec.threads}", f"mpiprocs={ranks}"]
    if resources.memory_per_cpu_bytes:
        kib = math.ceil(resources.memory_per_cpu_bytes * ranks * spec.threads / 1024)
        parts.append(f"mem={kib}kb")
    if gpus := parse_gres(resources.gres).get("gpu"):
        parts.append(f"ngpus={gpus}")
    return ":".join(parts)
