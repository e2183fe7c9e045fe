"""Members of the sweep of a workflow, and their results, in the client's store or on the cluster."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hpc_gateway_client.models import Model, Output, Step, Workflow, WorkflowOutput

TABLE = "members"


class Member(Model):
    """A run of a sweep: `name` is its number, as in the keys of its results."""

    name: str
    params: dict[str, Any]
    state: str
    success: bool | None
    reason: str
    exit_code: int | None
    scheduler_id: str
    outputs: list[Output]
    usage: dict[str, Any] | None = None
    warnings: list[str]
    started_at: datetime | None
    ended_at: datetime | None


class MemberOutput(WorkflowOutput):
    """A result of a member of a sweep."""

    member: str

    @property
    def label(self) -> str:
        """The member and the service, as in names of files."""
        return f"{self.member}_{self.service}"


def staged_sweep(row: Workflow) -> Step | None:
    """Return the transfer of all results of the workflow's sweep, once they are in the store."""
    sweeps = (step for step in row.steps if step.kind == "s3_result" and step.name.endswith("/"))
    return next((step for step in sweeps if step.state == "completed"), None)


def swept_job(row: Workflow) -> str | None:
    """Return the name of the job that may be a sweep: its results are those of members, and not its own."""
    plain = {made.job for made in row.outputs}
    jobs = (step.name for step in row.steps if step.kind == "job" and step.id is not None)
    return next((name for name in jobs if name not in plain), None)


def member_outputs(job: str, prefix: str | None, members: Sequence[Member]) -> Iterator[WorkflowOutput]:
    """Yield the results below the prefix, and last the table of all members; without one, of no store."""
    for member in members:
        for made in member.outputs if member.success else ():
            name = f"{member.name}/{made.service}.{made.path.rpartition('.')[2]}"
            key = _key(prefix, name)
            yield MemberOutput(**made.model_dump(), job=job, object=key, member=member.name)
    name = f"{TABLE}.csv"
    key = _key(prefix, name)
    yield WorkflowOutput(service=TABLE, path=name, bytes=0, sha256="", job=job, object=key)


def _key(prefix: str | None, name: str) -> str | None:
    return None if prefix is None else f"{prefix}{name}"
