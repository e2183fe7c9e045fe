"""What kind of thing went wrong: the classes by which failures are counted, so that a wave has a name."""

from enum import StrEnum

from gateway.states import JobState, State


class Fault(StrEnum):
    """The class of a failure; the reason beside it says what to do."""

    CREDENTIALS = "credentials"  # unknown keys, wrong signatures
    PERMISSION = "permission"  # known, but not allowed to
    NOT_FOUND = "not_found"
    NAME = "name"  # a name or path that cannot be
    SPACE = "space"  # full, or over a quota
    NETWORK = "network"
    STORE = "store"  # the store's own trouble, or what it refuses for other reasons
    FILESYSTEM = "filesystem"
    SCHEDULER = "scheduler"
    INPUT = "input"  # what a kernel did not like about its input or options
    KERNEL = "kernel"  # a kernel that failed for any other reason
    LIMIT = "limit"  # out of the time or memory that was asked for
    NODE = "node"
    LOST = "lost"
    WORKERS = "workers"  # too many workers died of it
    INTERNAL = "internal"


_BAD_INPUT = 2
_BY_STATE: dict[State, Fault] = {
    JobState.TIMEOUT: Fault.LIMIT,
    JobState.OUT_OF_MEMORY: Fault.LIMIT,
    JobState.NODE_FAILURE: Fault.NODE,
    JobState.LOST: Fault.LOST,
}


def fault_of_job(state: JobState, exit_code: int | None) -> Fault | None:
    """Return the class of a job's end, or None where it is no failure."""
    if state is JobState.FAILED:
        return Fault.INPUT if exit_code == _BAD_INPUT else Fault.KERNEL
    return _BY_STATE.get(state)
