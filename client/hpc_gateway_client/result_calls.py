"""The calls of results: their previews, their pictures, and themselves as frames or arrays."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from hpc_gateway_client import steps
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.file_calls import job_id
from hpc_gateway_client.models import Job, Output, Transfer, Workflow, WorkflowOutput
from hpc_gateway_client.pictures.picture import Picture
from hpc_gateway_client.result import Result
from hpc_gateway_client.steps import Call, Steps, present
from hpc_gateway_client.workflow_calls import WorkflowCalls

LABELS = ("kmean", "knn")
"""The services whose results are labels, which have no picture."""


class ResultCalls(WorkflowCalls):
    """The calls of results, with the store that some of them are in."""

    def preview(
        self, row: Transfer | Job, service: str = "", *, points: int = 2000, signals: Sequence[str] = ()
    ) -> Steps[dict[str, Any]]:
        """Return the extremes of stretches of a staged table, or of a job's result of a service."""
        path = f"{row.url}/outputs/{service}/preview" if isinstance(row, Job) else f"{row.url}/preview"
        named = ",".join('"{}"'.format(name.replace('"', '""')) for name in signals) or None
        wanted = present({"points": points, "signals": named})
        return steps.request(Call("GET", path, params=wanted))

    def picture(self, row: Transfer | Job | Workflow, service: str | Output = "") -> Steps[Picture]:
        """Return the picture of a result, or of a staged table: for notebooks, as a file, or as blocks.

        The service is needed where a job or a workflow has more than one result.
        """
        return Picture.read((yield from steps.request(picture_call(row, service))))

    def result(self, work: Job | Workflow, service: str = "") -> Steps[Result]:
        """Return a result as a frame or an array; one that is not on this machine is downloaded.

        The service is needed where a job or a workflow has more than one result.
        """
        made = _chosen(work, service, list(work.outputs))
        saved = work.origin.files.get((_job_name(made), made.service))
        if saved is not None and saved.is_file():
            return Result(saved)
        result = Result.in_temporary_folder(PurePosixPath(made.path).name)
        yield from self.save_result(
            work, made if isinstance(made, WorkflowOutput) else made.service, result.path
        )
        return result


def picture_call(row: Transfer | Job | Workflow, service: str | Output = "") -> Call:
    """Return the call of the preview of a staged table, of a service's result, or of one of the outputs."""
    if isinstance(row, Transfer):
        return Call("GET", f"{row.url}/preview")
    name = service.service if isinstance(service, Output) else service
    if name in LABELS:
        raise no_picture(name)
    made = service if isinstance(service, Output) else _chosen(row, service, drawable(row))
    whole = made if isinstance(made, WorkflowOutput) else made.service
    return Call("GET", f"/job/{job_id(row, whole)}/outputs/{made.service}/preview")


def drawable(row: Job | Workflow) -> list[Output]:
    """Return the results that have a picture."""
    return [made for made in row.outputs if made.service not in LABELS]


def no_picture(service: str) -> GatewayClientError:
    """Return the error of a service without pictures."""
    return GatewayClientError(
        f"{service} has no picture: its result is a table of labels; download it with `hpc-gateway jobs get`"
    )


def _chosen(row: Job | Workflow, service: str, found: Sequence[Output]) -> Output:
    """Return the only result, or the only one of that service."""
    names = ", ".join(made.service for made in row.outputs) or "none"
    if not row.ended:
        raise GatewayClientError(f"{row.url} is {row.state}: wait for its end, and look again")
    if not service and not found and row.outputs:
        raise no_picture(row.outputs[0].service)
    wanted = [made for made in found if service in {"", made.service}]
    if len(wanted) != 1:
        expected = "name the service of one" if len(wanted) > 1 else f"there is none of {service!r}"
        raise GatewayClientError(f"{row.url} has these results: {names}; {expected}")
    return wanted[0]


def _job_name(made: Output) -> str:
    return made.job if isinstance(made, WorkflowOutput) else ""
