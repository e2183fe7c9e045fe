"""The calls of workflows: input, jobs and results in one request; and of files without a store."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from hpc_gateway_client import files, steps
from hpc_gateway_client.errors import GatewayClientError, Refused, StoreFailed, WorkflowFailed
from hpc_gateway_client.members import Member, member_outputs, staged_sweep
from hpc_gateway_client.models import Job, Page, StoredFile, Upload, Workflow, WorkflowOutput
from hpc_gateway_client.options import JobParams
from hpc_gateway_client.result_files import check_place, result_file
from hpc_gateway_client.sources import Data, input_file
from hpc_gateway_client.steps import Call, Local, Pause, Report, Steps
from hpc_gateway_client.store import Store

JOB = "job"
RETRY_S = 1.0
MEMBERS_AT_ONCE = 1000
Source = Mapping[str, object]
"""The input of a workflow: `{"s3": {...}}`, `{"url": "..."}`, `{"file": id}` or `{"path": "..."}`."""


class WorkflowCalls:
    """The calls of workflows, with the cluster that they use and the store that they stage from."""

    def __init__(self, infrastructure: str, store: Store | None) -> None:
        self._infrastructure, self._store = infrastructure, store

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
        prefix = f"hpc-gateway/{uuid4().hex}/"
        with input_file(data) as (file, write):
            beside = file if write is None else Path(file.name)
            yield Local(partial(check_place, output, len(named), [beside]))
            if write is not None:
                yield Local(write)
            source = yield from self._upload(file, f"{prefix}{file.name}")
        job: dict[str, object] = {"name": JOB, "services": named, "params": params or {}}
        jobs = [job | {"resources": resources} if resources else job]
        key, target = f"{prefix}{file.name}", prefix if self._store else None
        try:
            started = yield from self.start_workflow(source, jobs, target, check=check)
            ended = yield from steps.wait(started, report, timeout_s)
        except (Refused, WorkflowFailed) as error:
            if error.accepted is None:  # an accepted workflow goes on, and needs its input
                yield from self._remove(key, getattr(error, "workflow", None))
            raise
        for made in ended.outputs:
            to = result_file(made, beside, output, is_only=len(named) == 1)
            ended.origin.files[made.job, made.service] = yield from self.save_result(ended, made, to)
        yield from self._remove(key, ended)
        return ended

    def upload(self, file: Path | str, progress: files.Progress | None = None) -> Steps[StoredFile]:
        """Upload a file to the gateway's store; its id is the `{"file": id}` of a workflow's input.

        `progress` is called with the number of bytes of every step.
        """
        file = Path(file)
        asked = {"name": file.name, "size": file.stat().st_size}
        stored = yield from steps.request_one(StoredFile, Call("POST", "/files", asked))
        if stored.upload.part_bytes is None:
            yield Local(partial(files.put_file, file, stored.upload, progress))
            return stored
        started: list[str] = []
        yield Local(lambda: started.append(files.start_parts(stored.upload)))
        body = {"upload_id": started[0]}
        answer = yield from steps.request(Call("POST", f"/files/{stored.id}/parts", body))
        parts = [Upload.model_validate(part) for part in answer["parts"]]
        complete = Upload.model_validate(answer["complete"])
        yield Local(partial(files.put_parts, file, parts, complete, progress))
        return stored

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
        body: dict[str, object] = {
            "infrastructure": self._infrastructure,
            "input": source,
            "jobs": list(jobs),
            "check": check,
        }
        if target is not None:
            body["output"] = {"s3": self._place(target)}
        if sweep is not None:
            body["sweep"] = sweep
        return (yield from steps.request_one(Workflow, Call("POST", "/workflow", body)))

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
            return staged or list(row.outputs)
        place = yield from steps.request(Call("GET", f"/{sweep.kind}/{sweep.id}"))
        members = yield from self.members(row)
        return [*staged, *member_outputs(sweep.name.rstrip("/"), place["object"], members)]

    def save_result(self, work: Workflow | Job, made: WorkflowOutput | str, file: Path | str) -> Steps[Path]:
        """Download a result: from the client's store, or without one through the gateway's.

        `made` is an output of a workflow, or the service of a job.
        """
        file = Path(file)
        if self._store is not None and isinstance(made, WorkflowOutput) and made.object:
            yield Local(partial(self._store.download, made.object, file))
            return file
        url = yield from _locate(job_id(work, made), made if isinstance(made, str) else made.service)
        yield Local(partial(files.save_url, url, file))
        return file

    def _remove(self, key: str, ended: Workflow | None) -> Steps[None]:
        """Remove the input and the results from the client's store."""
        if self._store is not None:
            made = ended.outputs if ended is not None else ()
            yield Local(partial(_delete, self._store, [key, *(each.object for each in made if each.object)]))

    def _place(self, key: str) -> dict[str, str]:
        """Return the object of the client's store as a request names it."""
        if self._store is None:
            raise GatewayClientError("a transfer needs a store: Gateway(url, infrastructure, store)")
        return self._store.fields | {"object": key}

    def _upload(self, data: Path, key: str) -> Steps[Source]:
        if self._store is None:
            stored = yield from self.upload(data)
            return {"file": str(stored.id)}
        yield Local(partial(self._store.upload, data, key))
        return {"s3": self._place(key)}


def job_id(work: Workflow | Job, made: WorkflowOutput | str) -> UUID:
    """Return the id of the job that a result is of."""
    if isinstance(work, Job):
        return work.id
    step = work.step(made.job, "job") if isinstance(made, WorkflowOutput) else None
    if step is None or step.id is None:
        raise GatewayClientError(f"{work.url} has no job with this result")
    return step.id


def _locate(job_id: UUID, service: str) -> Steps[str]:
    """Return the presigned URL of a result, once it has arrived in the gateway's store."""
    call = Call("GET", f"/job/{job_id}/outputs/{service}", follows=False)
    while True:
        answer = yield from steps.send(call)
        if answer.status_code != httpx.codes.ACCEPTED:
            break
        yield Pause(float(answer.headers.get("Retry-After", RETRY_S)))
    if answer.is_redirect:
        return answer.headers["Location"]
    steps.read_content(answer)
    raise Refused(answer.status_code, f"no gateway answers at {answer.url}")


def _delete(store: Store, keys: Sequence[str]) -> None:
    """Delete objects; one that stays does not spoil the outcome of a run."""
    for key in keys:
        with suppress(StoreFailed):
            store.delete(key)
