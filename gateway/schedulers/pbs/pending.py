"""The reason why a PBS job waits, in plain words, from its state and PBS's comment."""

from gateway.schedulers.pbs.records import PbsJob

_NEVER = "Can Never Run: "
_NOT_YET = "Not Running: "
_HOLDS = {
    "u": "it is held; the cluster account can release it (qrls)",
    "o": "it is held by an operator of the cluster: ask for its release",
    "s": "it is held by PBS: a job that it depends on has not ended yet, or it could not be started again and"
    " again; the cluster's operators can tell",
    "p": "it is held because its password or ticket is not valid",
}
_STATES = {
    "W": "its start time has not come yet, or a file for it could not be copied",
    "T": "PBS moves it to another queue",
}
_SENTENCES = {
    "Queue not started.": "its queue starts no jobs at the moment; the cluster's operators can change that",
    "Not enough free nodes available": "its nodes are not free yet",
}


def waiting_reason(job: PbsJob) -> str:
    """Return the sentence for a job in state Q, H, W or T."""
    comment = job.comment.strip()
    if comment.startswith(_NEVER):
        what = comment.removeprefix(_NEVER)
        return f"waiting does not help: PBS can never run it ({what}): cancel it and ask for less"
    if job.state == "H":
        return f"waiting: {_HOLDS.get(job.hold[:1], 'it is held')}"
    return f"waiting: {_STATES[job.state]}" if job.state in _STATES else _told(comment)


def _told(comment: str) -> str:
    if not comment:
        return "waiting: PBS has not looked at it yet, or starts no jobs at the moment"
    told = comment.removeprefix(_NOT_YET)
    if told.startswith("Insufficient amount of resource: "):
        return f"waiting for {told.removeprefix('Insufficient amount of resource: ').strip()}"
    return f"waiting: {_SENTENCES.get(told, f'PBS says {told!r}')}"
