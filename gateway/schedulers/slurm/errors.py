"""Slurm's errors by their numbers, as the gateway's: a refusal, or a Slurm that does not answer now."""

from gateway.errors import SchedulerError, SchedulerFull, SchedulerUnavailable
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.refusals import explain_refusal

# Errors after which the same call may succeed: the controller or munge is down, slow, starting or full.
TRANSIENT = frozenset(
    {
        *range(1000, 1005),  # the connection broke
        1007,  # authentication: munge is down here or there
        *range(1013, 1017),  # the connection is gone: the controller was killed in the middle of a request
        *range(1800, 1807),  # no connection to the controller, or it asks to back off
        2027,  # a controller in standby
        2105,  # submissions are disabled for now
        2131,  # a controller in standby, use the other
        *range(5003, 5006),  # the answer did not come in time
        *range(6000, 6010),  # authentication, as above; an expired credential
    }
)
UNKNOWN_JOB = 2017
FULL = 2007  # as many jobs as MaxJobCount allows
ACCOUNTING_POLICY = 2050  # too many jobs at the moment, or a job that is too large for ever
_FIRST_SLURM_ERROR = 1000  # smaller numbers are errno values: a refused connection, a time-out


class SlurmRefusal(SchedulerError):
    """Slurm refused a request, for the reason of this number."""

    def __init__(self, detail: str, number: int = 0) -> None:
        super().__init__(detail)
        self.number = number


def slurm_error(number: int, message: str, submitted: JobSpec | None = None) -> SchedulerError:
    """Return the error for Slurm's number and its own message; of a submission, with the refused value."""
    if number == FULL:
        return SchedulerFull(f"Slurm takes no further job now: {message} ({number}); it is submitted again")
    if number < _FIRST_SLURM_ERROR or number in TRANSIENT:
        return SchedulerUnavailable(f"Slurm does not answer: {message} ({number})")
    why = "" if submitted is None else f": {explain_refusal(number, submitted)}"
    return SlurmRefusal(f"Slurm refused: {message} ({number}){why}", number)
