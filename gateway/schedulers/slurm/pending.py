"""The reason why a job is pending in Slurm's queue, in plain words."""

from datetime import datetime, timedelta

from gateway.schedulers.slurm.records import SlurmJob

# A larger number of jobs ahead is rounded down, so that a long queue does not rewrite thousands of rows
# with every job that leaves it.
_EXACT_POSITIONS = 10

# Slurm predicts a start in a year behind jobs without a time limit; a later start than this is not shown.
_LONGEST_FORECAST = timedelta(days=60)

_PERMANENT_CAUSES = {
    "DependencyNeverSatisfied": "a job that it depends on has failed, so it can never start; cancel it",
    "BadConstraints": "no node of the cluster can ever give what it asks for; cancel it and ask for less",
    "PartitionNodeLimit": "it asks for more nodes than its partition allows or has in service",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "AccountNotAllowed": "its account may not use this partition",
    "QOSNotAllowed": "its quality of service may not be used in this partition",
    "InvalidAccount": "its account is not known to Slurm",
    "InvalidQOS": "its quality of service is not known to Slurm",
}
_CAUSES = _PERMANENT_CAUSES | {
    "None": "Slurm has not looked at it yet",
    "": "Slurm has not looked at it yet",
    "Priority": "jobs of higher priority are ahead",
    "Dependency": "a job that it depends on has not ended yet",
    "BeginTime": "its start time has not come yet",
    "Licenses": "a licence that it needs is in use",
    "ReqNodeNotAvail": "a node that it needs is down, drained or reserved",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition does not start jobs at the moment",
    "Reservation": "its reservation has not begun yet",
    "ReservationDeleted": "its reservation was deleted",
    "JobHeldUser": "it is held; its owner can release it on the cluster",
    "JobHeldAdmin": "it is held by an operator of the cluster",
    "JobArrayTaskLimit": "as many tasks of its array run as may",
    "NodeDown": "a node that it needs is down",
    "FrontEndDown": "the cluster's front end is down",
    "Cleaning": "its last run is still being cleaned up",
    "Prolog": "its nodes are being prepared",
    "BurstBufferResources": "the burst buffer is full",
    "BurstBufferStageIn": "its data are being staged to the burst buffer",
}


def pending_reason(job: SlurmJob, ahead: int, free_nodes: int, now: datetime) -> str:
    """Return the cause of the wait, the number of jobs ahead and the start that Slurm expects.

    `free_nodes` of its partition have enough free CPUs for its share now.
    """
    parts = [
        f"waiting for {_missing_resources(job, free_nodes)}"
        if waits_for_nodes(job)
        else f"waiting: {_cause(job)}"
    ]
    if job.reason not in _PERMANENT_CAUSES:
        parts += [_queue_position(ahead), _expected_start(job.start_at, now)]
    return "; ".join(part for part in parts if part)


def waits_for_nodes(job: SlurmJob) -> bool:
    """Tell whether free nodes are the only thing that the job waits for."""
    return job.state == "PENDING" and job.reason.partition(",")[0] == "Resources"


def _missing_resources(job: SlurmJob, free_nodes: int) -> str:
    share = _count(job.cpus_per_node, "free CPU")
    if free_nodes >= job.nodes:
        return f"memory or another resource beside {_count(job.cpus, 'free CPU')}"
    if job.nodes == 1:
        return f"a node with {share}"
    return f"{job.nodes - free_nodes} of {job.nodes} nodes with {share} each"


def _cause(job: SlurmJob) -> str:
    # Slurm may append details to the reason, as in "ReqNodeNotAvail, UnavailableNodes:n[1-2]".
    word, _, detail = job.reason.partition(",")
    if word.startswith(("Assoc", "QOS", "Max")) and word not in _CAUSES:
        return f"a limit of the account or quality of service is reached ({word})"
    cause = _CAUSES.get(word.strip(), f"Slurm says {job.reason!r}")
    return f"{cause} ({detail.strip()})" if detail and word in _CAUSES else cause


def _queue_position(ahead: int) -> str:
    if ahead == 0:
        return ""
    if ahead > _EXACT_POSITIONS:
        step = 10 ** (len(str(ahead)) - 1)
        return f"{ahead // step * step} jobs or more are ahead in the queue"
    return f"{_count(ahead, 'job')} {'is' if ahead == 1 else 'are'} ahead in the queue"


def _expected_start(start_at: datetime | None, now: datetime) -> str:
    if start_at is None or not now < start_at < now + _LONGEST_FORECAST:
        return ""
    form = "%H:%M UTC" if start_at.date() == now.date() else "%Y-%m-%d %H:%M UTC"
    return f"Slurm expects to start it at {start_at.strftime(form)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
