"""The states of transfers, jobs, workflows and judgements: transitions, final states, status words."""

from enum import StrEnum


class TransferState(StrEnum):
    """The states of a transfer."""

    ACCEPTED = "accepted"
    TRANSFERRING = "transferring"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobState(StrEnum):
    """The states of a job."""

    ACCEPTED = "accepted"
    SUBMITTING = "submitting"
    RETRYING = "retrying"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NODE_FAILURE = "node_failure"
    LOST = "lost"


class JudgementState(StrEnum):
    """The states of the judgement of a staged table."""

    JUDGING = "judging"
    KNOWN = "known"
    UNKNOWN = "unknown"


class WorkflowState(StrEnum):
    """The states of a workflow."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


State = TransferState | JobState | WorkflowState

# A claim repeated after a crash leaves the state as it is, so a working state may follow itself.
TRANSFER_MOVES: dict[State, frozenset[State]] = {
    TransferState.ACCEPTED: frozenset(
        {TransferState.TRANSFERRING, TransferState.FAILED, TransferState.CANCELLED}
    ),
    TransferState.TRANSFERRING: frozenset(TransferState) - {TransferState.ACCEPTED},
    TransferState.RETRYING: frozenset(
        {TransferState.TRANSFERRING, TransferState.FAILED, TransferState.CANCELLED}
    ),
}

JOB_ENDS = frozenset(
    {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.NODE_FAILURE,
        JobState.LOST,
    }
)
# A sweep that ends between two of its submissions is watched until its earlier members have ended.
_BEFORE_SUBMIT: frozenset[State] = frozenset(
    {JobState.SUBMITTING, JobState.PENDING, JobState.FAILED, JobState.CANCELLED}
)

JOB_MOVES: dict[State, frozenset[State]] = {
    JobState.ACCEPTED: _BEFORE_SUBMIT,
    JobState.RETRYING: _BEFORE_SUBMIT,
    JobState.SUBMITTING: frozenset({JobState.SUBMITTING, JobState.RETRYING, JobState.PENDING, *JOB_ENDS}),
    # Back to be submitted again: the scheduler has lost it before it started, or it grows (below).
    JobState.PENDING: frozenset({JobState.RUNNING, JobState.RETRYING, *JOB_ENDS}),
    # Back to be submitted again with larger resources.
    JobState.RUNNING: frozenset({JobState.PENDING, JobState.RETRYING, *JOB_ENDS}),
}

WORKFLOW_ENDS = frozenset({WorkflowState.SUCCEEDED, WorkflowState.FAILED, WorkflowState.CANCELLED})
WORKFLOW_MOVES: dict[State, frozenset[State]] = {
    WorkflowState.ACCEPTED: frozenset({WorkflowState.RUNNING, *WORKFLOW_ENDS}),
    WorkflowState.RUNNING: WORKFLOW_ENDS,
}

# By type, because members of two StrEnums with the same value are equal.
MOVES: dict[type[State], dict[State, frozenset[State]]] = {
    TransferState: TRANSFER_MOVES,
    JobState: JOB_MOVES,
    WorkflowState: WORKFLOW_MOVES,
}


def may_follow(state: State, after: State) -> bool:
    """Tell whether the transition from `after` to `state` is allowed."""
    return state in MOVES[type(after)].get(after, frozenset())


def predecessors(state: State) -> list[State]:
    """Return the states from which a row may go to this one."""
    return [before for before, after in MOVES[type(state)].items() if state in after]


def is_final(state: State) -> bool:
    """Tell whether only a retry leaves the state."""
    return state not in MOVES[type(state)]


def is_success(state: State) -> bool:
    """Tell whether the state is the end of work that succeeded."""
    return state in {TransferState.COMPLETED, JobState.SUCCEEDED}  # a workflow's word is a job's


def is_retryable(state: State) -> bool:
    """Tell whether the state is an end without success, which a retry may leave."""
    return is_final(state) and not is_success(state)


BEFORE_SCHEDULER = frozenset({JobState.ACCEPTED, JobState.RETRYING, JobState.SUBMITTING})
IN_SCHEDULER = frozenset({JobState.PENDING, JobState.RUNNING})

# The status that clients of the first generation compare with, to the letter.
TRANSFER_STATUS = {
    TransferState.ACCEPTED: "transferring",
    TransferState.TRANSFERRING: "transferring",
    TransferState.RETRYING: "transferring",
    TransferState.COMPLETED: "completed",
    TransferState.FAILED: "failure",
    TransferState.CANCELLED: "failure",
}
JOB_STATUS = {
    JobState.ACCEPTED: "queued",
    JobState.SUBMITTING: "queued",
    JobState.RETRYING: "queued",
    JobState.PENDING: "queued",
    JobState.RUNNING: "running",
} | dict.fromkeys(JOB_ENDS, "completed")
WORKFLOW_STATUS = {
    WorkflowState.ACCEPTED: "queued",
    WorkflowState.RUNNING: "running",
} | dict.fromkeys(WORKFLOW_ENDS, "completed")
