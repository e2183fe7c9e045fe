"""The calls of workflows: input, jobs and results in one request, and the members of sweeps."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from hpc_gateway_client import steps, waits
from hpc_gateway_client.errors import Refused, StoreFailed, WorkflowFailed
from hpc_gateway_client.file_calls import FileCalls, Source
from hpc_gateway_client.members import Member, member_outputs, staged_sweep, swept_job
from hpc_gateway_client.models import Page, Workflow, WorkflowForecast, WorkflowOutput
from hpc_gateway_client.options import JobParams
from hpc_gateway_client.result_files import check_place, result_file
from hpc_gateway_client.sources import Data, input_file
from hpc_gateway_client.steps import Call, Local, Report, Steps
from hpc_gateway_client.store import Store

JOB = "job"
STAND_IN = {"path": "/Init_Data/input.csv"}
MEMBERS_AT_ONCE = 1000
_SIDES = {"s3_data": "input", "s3_result": "output"}


class WorkflowCalls(FileCalls):
    """The calls of workflows, with the cluster that they use and the store that they stage from."""

    def run(
        self,
        services: str | Sequence[str],
        data: Data,
        output: Path | str | None = None,
        *,
        params: JobParams | Mapping[str, object] | None = None,
        resources: Mapping[str, object] | None = None,
        check: bool = False,
        report: Report[Workflow] | None = None,
        timeout_s: float | None = None,
    ) -> Steps[Workflow]:
        """Upload a file, run services on it in one workflow, wait, and download the results.

        The data is the path of a file, or an array of NumPy or a frame of Polars or pandas, whose rows are
        samples. It passes through the client's store, or without one through the gateway's. `output` is the
        file of a single result, or a folder, which is made for several; without it, results lie beside the
        file as `<name>_<service>.<ext>`, and those of an array or a frame in the current folder.
        """
        named = [services] if isinstance(services, str) else list(services)
        job: dict[str, object] = {"name": JOB, "services": named, "params": params or {}}
        jobs = [job | {"resources": resources} if resources else job]
        prefix = f"hpc-gateway/{uuid4().hex}/"
        target = prefix if self._store else None
        with input_file(data) as (file, write):
            beside = file if write is None else Path(file.name)
            yield Local(partial(check_place, output, len(named), [beside]))
            if write is not None:
                yield Local(write)
            yield from self.check_workflow(jobs, target)
            source = yield from self._upload(file, f"{prefix}{file.name}")
        key = f"{prefix}{file.name}"
        try:
            started = yield from self.start_workflow(source, jobs, target, check=check)
            ended = yield from waits.wait(started, report, timeout_s)
        except (Refused, WorkflowFailed) as error:
            if error.accepted is None:  # an accepted workflow goes on, and needs its input
                yield from self._remove(key, getattr(error, "workflow", None))
            raise
        for made in ended.outputs:
            to = result_file(made, beside, output, is_only=len(named) == 1)
            ended.origin.files[made.job, made.service] = yield from self.save_result(ended, made, to)
        yield from self._remove(key, ended)
        return ended

    def start_workflow(
        self,
        source: Source,
        jobs: Sequence[Mapping[str, object]],
        target: str | None = None,
        *,
        sweep: Mapping[str, object] | None = None,
        check: bool = False,
    ) -> Steps[Workflow]:
        """Start a workflow without waiting; results go below the key `target` of the client's store."""
        body = self._body(source, jobs, target, sweep) | {"check": check}
        return (yield from steps.request_one(Workflow, Call("POST", "/workflow", body)))

    def check_workflow(
        self,
        jobs: Sequence[Mapping[str, object]],
        target: str | None = None,
        *,
        sweep: Mapping[str, object] | None = None,
    ) -> Steps[list[str]]:
        """Return the warnings about a workflow, or raise Refused as its start would; nothing is started.

        A file of the cluster stands for the input, which need not be anywhere yet. A gateway that cannot
        tell warns of nothing.
        """
        body = self._body(STAND_IN, jobs, target, sweep) | {"dry_run": True}
        try:
            found = yield from steps.request_one(WorkflowForecast, Call("POST", "/workflow", body))
        except Refused as refusal:
            if "dry_run" in str(refusal):  # an unknown field
                return []
            raise
        return found.warnings

    def workflow(self, row_id: UUID | str) -> Steps[Workflow]:
        """Return the workflow of an id."""
        return (yield from steps.request_one(Workflow, Call("GET", f"/workflow/{row_id}")))

    def workflows(self, /, **filters: steps.FilterValue) -> Steps[Page[Workflow]]:
        """List workflows; the filters are those of the REST API."""
        return (
            yield from steps.request_one(
                Page[Workflow], Call("GET", "/workflow", params=steps.present(filters))
            )
        )

    def members(self, row: Workflow) -> Steps[list[Member]]:
        """Return all members of the workflow's sweep, in the order of their numbers."""
        found: list[Member] = []
        cursor: str | None = None
        while True:
            place = steps.present({"cursor": cursor, "limit": MEMBERS_AT_ONCE})
            page = yield from steps.request_one(Page[Member], Call("GET", f"{row.url}/members", params=place))
            found += page.items
            if page.next is None:
                return found
            cursor = page.next

    def results(self, row: Workflow) -> Steps[list[WorkflowOutput]]:
        """Return the results in the store, also each of a sweep's members; else those on the cluster."""
        staged = [made for made in row.outputs if made.object]
        sweep = staged_sweep(row)
        if sweep is None:
            return staged or [*row.outputs, *(yield from self._unstaged_members(row))]
        place = yield from steps.request_transfer(Call("GET", f"/{sweep.kind}/{sweep.id}"))
        members = yield from self.members(row)
        return [*staged, *member_outputs(sweep.name.rstrip("/"), place.object, members)]

    def _unstaged_members(self, row: Workflow) -> Steps[list[WorkflowOutput]]:
        """Return the results of a sweep's members, which are on the cluster; none of a workflow without."""
        if (job := swept_job(row)) is None:
            return []
        try:
            members = yield from self.members(row)
        except Refused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return []
            raise
        return list(member_outputs(job, None, members))

    def _fresh_access(self, row: Workflow, store: Store) -> Steps[dict[str, object]]:
        """Return the store's keys for a retry of the workflow: for its input and output, if in the bucket."""
        fresh: dict[str, object] = {}
        for step in row.steps:
            side = _SIDES.get(step.kind, "")
            if not side or side in fresh:
                continue
            if step.id is not None:
                begun = yield from steps.request_transfer(Call("GET", f"/{step.kind}/{step.id}"))
                if begun.bucket != store.bucket:
                    continue
            fresh[side] = store.keys
        return fresh

    def _remove(self, key: str, ended: Workflow | None) -> Steps[None]:
        """Remove the input and the results from the client's store."""
        if self._store is not None:
            made = ended.outputs if ended is not None else ()
            yield Local(partial(_delete, self._store, [key, *(each.object for each in made if each.object)]))

    def _body(
        self,
        source: Source,
        jobs: Sequence[Mapping[str, object]],
        target: str | None,
        sweep: Mapping[str, object] | None,
    ) -> dict[str, object]:
        """Return the request for a workflow."""
        body: dict[str, object] = {
            "infrastructure": self._infrastructure,
            "input": source,
            "jobs": list(jobs),
        }
        if target is not None:
            body["output"] = {"s3": self._place(target)}
        return body if sweep is None else body | {"sweep": sweep}


def _delete(store: Store, keys: Sequence[str]) -> None:
    """Delete objects; one that stays does not spoil the outcome of a run."""
    for key in keys:
        with suppress(StoreFailed):
            store.delete(key)
