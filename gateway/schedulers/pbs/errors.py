"""PBS's errors by the exit status of its commands, which is the error's number modulo 256."""

import re

from gateway.errors import (
    ArrayTooLarge,
    GatewayError,
    SchedulerError,
    SchedulerFull,
    SchedulerUnavailable,
)
from gateway.schedulers.base import JobSpec

UNKNOWN_JOB, HAS_FINISHED = 153, 35
# Limits of the account's or the queue's jobs, of the resources of these jobs, and in the form of old servers.
TOO_MANY = frozenset({38, 39, 198})
# Limits of the array's size, of other jobs beside it, and of the resources of all members together.
_TOO_LARGE = TOO_MANY | {3, 188}
_NOT_FOUND = frozenset({126, 127})
# Numbers of pbs_error.h: no host, an error of the server or of the protocol, no connection free, a server
# that ends, credentials that no daemon makes now, a record that was not kept, and "try again later".
_AWAY_STATUS = frozenset({13, 57, 104, 158, 160, 162, 163, 171, 172, 183, 185, 186, 196, 208, 212})
_AWAY = re.compile(
    r"[Cc]annot connect|Connection refused|Couldn't connect|Unknown Host|[Tt]imed? ?out", re.ASCII
)
_SENTENCES = {
    159: "this cluster account may not submit it to {queue}: name another one with resources.partition",
    166: "a value is not one that PBS takes: {size}, {queue}",
    170: "the cluster has no {queue}: name another one with resources.partition",
    173: "{queue} accepts no jobs now: name another one with resources.partition, or retry it later",
    175: "PBS runs no jobs of this account: let the cluster's operators admit it",
    187: "the server does not define a resource that it asks for (a GPU is ngpus): leave out resources.gres",
    188: "{queue} does not give {size}: use fewer ranks or threads, or ask for less time or memory",
    189: "the cluster has no default queue: name one with resources.partition",
}


def pbs_error(program: str, status: int, printed: str, submitted: JobSpec | None = None) -> GatewayError:
    """Return the error for a command that failed; of a submission, with the refused value.

    An array that does not fit a limit may pass with fewer members; the last of them is a plain job.
    """
    lines = [line for line in printed.strip().splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(f"{program}:")), lines[-1] if lines else "")
    if status in _NOT_FOUND:
        return SchedulerUnavailable(
            f"the command {program} is not found where commands run: install PBS's client commands there, or"
            " correct `path` of the cluster"
        )
    if status in _AWAY_STATUS or _AWAY.search(printed) or not told:
        return SchedulerUnavailable(f"PBS does not answer: {told or program} ({status})")
    if submitted is not None and submitted.is_array and status in _TOO_LARGE:
        return ArrayTooLarge(f"PBS takes no array of {submitted.array_size} members now: {told} ({status})")
    if status in TOO_MANY:
        return SchedulerFull(
            f"PBS takes no more jobs now: {told} ({status}); it is submitted again when others have ended"
        )
    why = f": {_explain(status, submitted)}" if submitted is not None else ""
    return SchedulerError(f"PBS refused: {told} ({status}){why}")


def _explain(status: int, spec: JobSpec) -> str:
    resources = spec.resources
    limit, memory = resources.time_limit_s, resources.memory_per_cpu_bytes
    size = f"{spec.ranks} x {spec.threads} CPUs for {'any time' if limit is None else f'{limit} s'}"
    values = {
        "queue": f"queue {resources.partition!r}" if resources.partition else "default queue",
        "size": size if memory is None else f"{size} with {memory:,} bytes for each CPU",
    }
    return _SENTENCES.get(status, "it asked for {size} in {queue}").format_map(values)
