"""Slurm's job states: the state of the gateway and a sentence for each; no state is guessed."""

from gateway.states import JobState, is_final

# All of Slurm's job states and job state flags, by the word that Slurm prints.
STATES: dict[str, JobState] = {
    "PENDING": JobState.PENDING,
    "CONFIGURING": JobState.PENDING,
    "POWER_UP_NODE": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "SPECIAL_EXIT": JobState.PENDING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "RUNNING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "EXPEDITING": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "UPDATE_DB": JobState.RUNNING,
    "COMPLETED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "PREEMPTED": JobState.FAILED,
    "REVOKED": JobState.RUNNING,  # on another cluster of the federation
    "RECONFIG_FAIL": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "LAUNCH_FAILED": JobState.NODE_FAILURE,
}

NEEDED_MORE_MEMORY = "the job needed more memory than it was granted"
RAN_OUT_OF_TIME = "the job ran into its time limit; ask for more with resources.time_limit_s"
NODE_FAILED = "a node of the job failed while it ran; retry the job"
MADE_ROOM = "the job was ended to make room for a job of higher priority; retry it"
ENDED_BY_SLURM = "Slurm lost the job when its controller restarted, and ended it without a request: retry it"
REQUEUED = (
    "an operator of the cluster put the job back into the queue while it ran, which ended it: a run starts"
    " only once; retry the job"
)

# The reasons for states that need an explanation.
STATE_REASONS = {
    "CONFIGURING": "Slurm has found nodes for the job and is making them ready",
    "POWER_UP_NODE": "Slurm is switching on the nodes for the job",
    "REQUEUED": "Slurm has put the job back into the queue",
    "REQUEUE_FED": "the federation has put the job back into the queue",
    "RESV_DEL_HOLD": "the job's reservation was deleted, and the job is held; cancel it",
    "REQUEUE_HOLD": "an operator of the cluster has put the job back into the queue and holds it there",
    "SPECIAL_EXIT": "an operator of the cluster has put the job back into the queue and holds it there",
    "STOPPED": "an operator of the cluster has stopped the job for now",
    "SUSPENDED": "the job is suspended for now, by an operator or for a job of higher priority",
    "PREEMPTED": MADE_ROOM,
    "REVOKED": "another cluster of the federation has taken the job over",
    "RECONFIG_FAIL": "a node could not be configured for the job; tell the cluster's operators",
    "CANCELLED": "the job was cancelled on the cluster",
    "TIMEOUT": RAN_OUT_OF_TIME,
    "DEADLINE": "the job could not end before its deadline",
    "OUT_OF_MEMORY": NEEDED_MORE_MEMORY,
    "NODE_FAIL": NODE_FAILED,
    "BOOT_FAIL": "a node of the job failed to start; retry the job",
    "LAUNCH_FAILED": "the job could not be started on its node; retry it, or tell the cluster's operators",
}


def has_ended(word: str) -> bool:
    """Tell whether Slurm's word is of an end; a word that is not in the table is none."""
    state = STATES.get(word)
    return state is not None and is_final(state)
