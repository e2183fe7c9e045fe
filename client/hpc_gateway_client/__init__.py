"""A client of the HPC Gateway, blocking and async: from a file to its result.

>>> from hpc_gateway_client import Gateway, Store
>>> gateway = Gateway("http://127.0.0.1:8080", infrastructure="demo")
>>> gateway.run("fft", "data.csv", "spectrum.csv")  # doctest: +SKIP

Step by step, with an S3 store:

>>> store = Store("https://s3.example.org", "recordings", access_key="...", secret_key="...")
>>> gateway = Gateway("http://127.0.0.1:8080", infrastructure="demo", store=store)
>>> gateway.stage_in("a.csv", "serrano/data/Init_Data/a.csv")  # doctest: +SKIP
>>> job = gateway.compute(["fft"], "/Init_Data/a.csv")  # doctest: +SKIP
>>> gateway.stage_out(job.outputs[0].path, "spectrum.csv")  # doctest: +SKIP

Each step waits until its work has ended, and raises with the gateway's reason when it ended badly.
"""

from hpc_gateway_client.async_gateway import AsyncGateway
from hpc_gateway_client.errors import (
    EventsLost,
    GatewayClientError,
    JobFailed,
    JobWouldFail,
    Refused,
    StillRunning,
    StoreFailed,
    TransferFailed,
    Unreachable,
    WorkflowFailed,
    WrongAddress,
)
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.members import Member
from hpc_gateway_client.models import (
    BulkCancelled,
    BulkRetried,
    Event,
    Infrastructure,
    Job,
    Log,
    Output,
    Page,
    Partition,
    Step,
    Telemetry,
    Transfer,
    Workflow,
    WorkflowOutput,
)
from hpc_gateway_client.options import JobParams
from hpc_gateway_client.overview import Overview
from hpc_gateway_client.pictures.picture import Picture
from hpc_gateway_client.result import Result
from hpc_gateway_client.store import Store
from hpc_gateway_client.tables import TableJudgement
from hpc_gateway_client.uploads import StoredFile

__all__ = [
    "AsyncGateway",
    "BulkCancelled",
    "BulkRetried",
    "Event",
    "EventsLost",
    "Gateway",
    "GatewayClientError",
    "Infrastructure",
    "Job",
    "JobFailed",
    "JobParams",
    "JobWouldFail",
    "Log",
    "Member",
    "Output",
    "Overview",
    "Page",
    "Partition",
    "Picture",
    "Refused",
    "Result",
    "Step",
    "StillRunning",
    "Store",
    "StoreFailed",
    "StoredFile",
    "TableJudgement",
    "Telemetry",
    "Transfer",
    "TransferFailed",
    "Unreachable",
    "Workflow",
    "WorkflowFailed",
    "WorkflowOutput",
    "WrongAddress",
]
