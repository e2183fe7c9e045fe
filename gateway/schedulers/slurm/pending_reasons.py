"""Slurm's reasons for a pending job: one sentence for each, and whether waiting lifts it."""

from gateway.schedulers.slurm.limit_reasons import CANCEL, PendingReason, limit_reason

_ON_THE_CLUSTER = "the cluster's operators can change that"

_LIFT_BY_THEMSELVES = {
    "None": "Slurm has not looked at it yet",
    "": "Slurm has not looked at it yet",
    "Priority": "jobs of higher priority are ahead",
    "Resources": "its nodes are not free yet",
    "Dependency": "a job that it depends on has not ended yet",
    "BeginTime": "its start time has not come yet",
    "Licenses": "a licence that it needs is in use",
    "Reservation": "its reservation has not begun yet, or is in use",
    "ReqNodeNotAvail": "a node that it needs is down, drained or reserved",
    "NodeDown": "a node that it needs is down",
    "FrontEndDown": "the cluster's front end is down",
    "SchedDefer": "Slurm starts no job at its submission and looks at it in its next round",
    "Cleaning": "its last run is still being cleaned up",
    "Prolog": "its nodes are being prepared",
    "JobArrayTaskLimit": "as many tasks of its array run as may at once",
    "BurstBufferResources": "the burst buffer is full",
    "BurstBufferStageIn": "its data are being staged to the burst buffer",
    "Constraints": "no free node has the features that it needs at the moment",
    "FedJobLock": "the clusters of the federation have not agreed yet which of them starts it",
    "MaxPoweredUpNodes": "as many nodes are powered up as may be at once",
    "MpiPortsBusy": "the ports that its MPI needs are in use",
    "AssociationJobLimit": "as many jobs of its Slurm account run as may at once",
    "AssociationResourceLimit": "the jobs of its Slurm account use as much as they may at once",
    "QOSJobLimit": "as many jobs of its quality of service run as may at once",
    "QOSResourceLimit": "the jobs of its quality of service use as much as they may at once",
    "AccountingPolicy": "a limit of its Slurm account or quality of service is reached",
}

_NEED_AN_OPERATOR = {
    "JobHeldAdmin": "it is held by an operator of the cluster: ask for its release",
    "JobHeldUser": "it is held; the cluster account can release it (scontrol release)",
    "JobHoldMaxRequeue": "it was put back into the queue too often and is held; retry it",
    "PartitionDown": f"its partition is down; {_ON_THE_CLUSTER}",
    "PartitionInactive": f"its partition starts no jobs at the moment; {_ON_THE_CLUSTER}",
    "PartitionConfig": f"its partition is not configured for it; {_ON_THE_CLUSTER}",
    "ReservationDeleted": "its reservation was deleted; cancel it",
    "ReservationInvalid": "its reservation does not exist or may not be used by it; cancel it",
    "AccountNotAllowed": f"its Slurm account may not use this partition; {_ON_THE_CLUSTER}",
    "QOSNotAllowed": f"its quality of service may not be used in this partition; {_ON_THE_CLUSTER}",
    "InvalidAccount": f"its Slurm account is not known to Slurm; {_ON_THE_CLUSTER}",
    "InvalidQOS": f"its quality of service is not known to Slurm; {_ON_THE_CLUSTER}",
    "QOSUsageThreshold": "its Slurm account has used more than its quality of service allows for a start",
    "BurstBufferOperation": "an operation of the burst buffer failed; cancel it, or tell the operators",
    "SystemFailure": "Slurm itself failed at it; tell the cluster's operators",
    "JobLaunchFailure": "Slurm could not start it on its nodes; tell the cluster's operators",
    "launch failed requeued held": (
        "Slurm could not start it on its nodes, and holds it; tell the cluster's operators"
    ),
    "launch failure limit exceeded requeued held": (
        "Slurm could not start it on its nodes several times, and holds it; tell the cluster's operators"
    ),
    "job requeued in held state": "an operator of the cluster has put it back into the queue and holds it",
    "Job's QOS not permitted to use this partition": (
        f"its quality of service may not be used in this partition; {_ON_THE_CLUSTER}"
    ),
    "DependencyNeverSatisfied": "a job that it depends on has failed, so it can never start; cancel it",
    "DeadLine": "it cannot end before its deadline; cancel it",
    "InvaildReason": "Slurm gives no reason that its own library knows; ask the cluster's operators",  # (sic)
}

_NEVER_LIFT = {
    "BadConstraints": f"no node of the cluster can ever meet its request; {CANCEL} ask for less",
    "PartitionNodeLimit": (
        "it asks for more nodes than its partition allows or has in service;"
        f" {CANCEL} ask for fewer with resources.nodes"
    ),
    "PartitionTimeLimit": (
        f"it asks for more time than its partition allows; {CANCEL} ask for less with resources.time_limit_s"
    ),
    "AssociationTimeLimit": (
        "it asks for more time than its Slurm account allows;"
        f" {CANCEL} ask for less with resources.time_limit_s"
    ),
    "QOSTimeLimit": (
        "it asks for more time than its quality of service allows;"
        f" {CANCEL} ask for less with resources.time_limit_s"
    ),
    "MaxMemPerLimit": (
        "it asks for more memory on a node or processor than its partition allows;"
        f" {CANCEL} ask for less with resources.memory_bytes, or use more ranks"
    ),
}

# Slurm keeps the cause of an end in the same field, and may leave it there when it queues the job again.
_OF_THE_LAST_RUN = {
    "NonZeroExitCode": "its last run failed, and Slurm has put it back into the queue",
    "TimeLimit": "its last run reached its time limit, and Slurm has put it back into the queue",
    "InactiveLimit": "its last run was inactive too long, and Slurm has put it back into the queue",
    "RaisedSignal": "its last run was ended by a signal, and Slurm has put it back into the queue",
    "OutOfMemory": "its last run needed more memory, and Slurm has put it back into the queue",
}

_REASONS = {
    **{word: PendingReason(sentence) for word, sentence in (_LIFT_BY_THEMSELVES | _OF_THE_LAST_RUN).items()},
    **{word: PendingReason(sentence, lifts=False) for word, sentence in _NEED_AN_OPERATOR.items()},
    **{word: PendingReason(sentence, lifts=False) for word, sentence in _NEVER_LIFT.items()},
}


def find_reason(word: str) -> PendingReason | None:
    """Return the sentence for a word of Slurm, or None for a word that is in no table."""
    return _REASONS.get(word) or limit_reason(word)
