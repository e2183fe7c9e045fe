"""An exit code of a job in plain words; as a shell does, it counts a death by signal from 128."""

import signal

_SIGNALS = {128 + member: member.name for member in signal.Signals}
# Signals that a process brings upon itself by a fault; any other comes from outside.
_CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGABRT,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
_KILLED = (
    "the job's processes were killed by SIGKILL: by an operator of the cluster, or because their machine had"
    " no more memory; no limit of the job is known as the cause"
)


def is_crash(exit_code: int) -> bool:
    """Tell whether the code is of a signal that a fault of the process itself brought upon it."""
    return exit_code - 128 in _CRASHES


def is_from_outside(exit_code: int) -> bool:
    """Tell whether the code is of a signal that another process sent."""
    return exit_code in _SIGNALS and not is_crash(exit_code)


def exit_words(exit_code: int) -> str:
    """Return the end that the code stands for, as one sentence."""
    if exit_code not in _SIGNALS:
        return f"the job ended with exit code {exit_code}"
    name = _SIGNALS[exit_code]
    if exit_code == 128 + signal.SIGKILL:
        return _KILLED
    if is_from_outside(exit_code):
        return f"the job's processes were ended from outside by {name}, as an operator of the cluster may do"
    return f"a process of the job crashed ({name})"
