"""The names of a cluster's queues: long work, short work and requests have worker processes of their own."""

HOUSEKEEPING = "housekeeping"
LONG = ".long"
SHORT = ".short"
CONTROL = ".control"
RESERVED_SUFFIXES = (LONG, SHORT, CONTROL)


def work_queue(infrastructure: str, *, moves_bytes: bool) -> str:
    """Return the queue of a cluster's transfers, or that of its submissions and ends of jobs."""
    return f"{infrastructure}{LONG if moves_bytes else SHORT}"


def control_queue(infrastructure: str) -> str:
    """Return the queue of a cluster's short requests, which its transfers and jobs cannot delay."""
    return f"{infrastructure}{CONTROL}"


def old_queue(infrastructure: str) -> str:
    """Return the queue that carried all work before long and short work were apart; it is only drained."""
    return infrastructure


def queues_of(infrastructure: str) -> list[str]:
    """Return all queues of a cluster."""
    return [old_queue(infrastructure), *(f"{infrastructure}{suffix}" for suffix in RESERVED_SUFFIXES)]


def short_slots(concurrency: int) -> int:
    """Return the slots of short work: one more than an owner alone may hold."""
    return concurrency + 1
