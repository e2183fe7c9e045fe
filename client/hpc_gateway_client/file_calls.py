"""The calls of files: uploads and results, through the client's store, or without one the gateway's."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx

from hpc_gateway_client import files, steps
from hpc_gateway_client.answers import foreign_answer, read_content
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.members import TABLE, MemberOutput
from hpc_gateway_client.models import Job, Workflow, WorkflowOutput
from hpc_gateway_client.steps import Call, Local, Pause, Steps
from hpc_gateway_client.store import Store
from hpc_gateway_client.uploads import Parts, StoredFile

RETRY_S = 1.0
Source = Mapping[str, object]
"""The input of a workflow: `{"s3": {...}}`, `{"url": "..."}`, `{"file": id}` or `{"path": "..."}`."""


class FileCalls:
    """The calls of files, with the cluster and the store that a client uses."""

    def __init__(self, infrastructure: str, store: Store | None) -> None:
        self._infrastructure, self._store = infrastructure, store

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
        signed = yield from steps.request_one(Parts, Call("POST", f"/files/{stored.id}/parts", body))
        yield Local(partial(files.put_parts, file, signed.parts, signed.complete, progress))
        return stored

    def start_results(self, work: Workflow, made: Sequence[WorkflowOutput]) -> Steps[None]:
        """Ask the gateway to bring all these results to its store, before the first of them is waited for.

        A limit leaves the rest for later.
        """
        for each in made if self._store is None else ():
            if each.object or each.service == TABLE:
                continue
            answer = yield from steps.send(Call("GET", result_path(work, each), follows=False))
            if answer.is_error:
                return

    def save_result(self, work: Workflow | Job, made: WorkflowOutput | str, file: Path | str) -> Steps[Path]:
        """Download a result: from the client's store, or without one through the gateway's.

        `made` is an output of a workflow, or the service of a job.
        """
        file = Path(file)
        if self._store is not None and isinstance(made, WorkflowOutput) and made.object:
            yield Local(partial(self._store.download, made.object, file))
            return file
        if isinstance(made, WorkflowOutput) and made.service == TABLE:
            table = yield from steps.send(Call("GET", f"{work.url}/members", params={"format": "csv"}))
            yield Local(partial(files.save_answer, table, file))
            return file
        url = yield from _locate(result_path(work, made))
        yield Local(partial(files.save_url, url, file))
        return file

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


def result_path(work: Workflow | Job, made: WorkflowOutput | str) -> str:
    """Return the path of the API that redirects to a result in the gateway's store."""
    if isinstance(made, MemberOutput):
        return f"{work.url}/members/{made.member}/outputs/{made.service}"
    service = made if isinstance(made, str) else made.service
    return f"/job/{job_id(work, made)}/outputs/{service}"


def _locate(path: str) -> Steps[str]:
    """Return the presigned URL of a result, once it has arrived in the gateway's store."""
    call = Call("GET", path, follows=False)
    while True:
        answer = yield from steps.send(call)
        if answer.status_code != httpx.codes.ACCEPTED:
            break
        yield Pause(RETRY_S)
    if answer.is_redirect:
        return answer.headers["Location"]
    read_content(answer)
    raise foreign_answer(answer)
