"""The errors of the client, each with the gateway's own words.

GatewayClientError
├── WrongAddress     the text is no address of a gateway
├── Unreachable      no answer from the gateway for longer than `patience_s`
├── Refused          the gateway refused the request: `status` is the HTTP status
├── TransferFailed   a transfer ended badly: `transfer` is its last status
├── JobFailed        a job ended badly: `job` is its last status
├── WorkflowFailed   a workflow ended badly: `workflow` is its last status
├── StoreFailed      the store did not take or give an object
├── JobWouldFail     the kernels could not read the table; no job was sent
├── EventsLost       events that a stream should go on behind are pruned: `cursor` is where it can go on
└── StillRunning     the caller's `timeout_s` is over; the work goes on
"""

from hpc_gateway_client.models import Job, Transfer, Workflow


class GatewayClientError(Exception):
    """The base of all errors; `accepted` is the row that goes on when the wait for it failed."""

    accepted: Transfer | Job | Workflow | None = None


class WrongAddress(GatewayClientError):
    """The text is no address of a gateway."""


class Unreachable(GatewayClientError):
    """The gateway does not answer; a request that reached it without an answer may be accepted."""

    def __init__(self, detail: str, *, may_be_accepted: bool = False) -> None:
        super().__init__(detail)
        self.may_be_accepted = may_be_accepted


class Refused(GatewayClientError):
    """The gateway refused the request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class TransferFailed(GatewayClientError):
    """A transfer ended badly."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(f"transfer {transfer.id} {transfer.state}: {transfer.reason}")
        self.transfer = transfer


class JobFailed(GatewayClientError):
    """A job ended badly."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id} {job.state}: {job.reason}")
        self.job = job


class WorkflowFailed(GatewayClientError):
    """A workflow ended badly."""

    def __init__(self, workflow: Workflow) -> None:
        super().__init__(f"workflow {workflow.id} {workflow.state}: {workflow.reason}")
        self.workflow = workflow


class StillRunning(GatewayClientError):
    """The caller's time is over; the work goes on."""


class EventsLost(GatewayClientError):
    """Events behind the reader's place are no longer there; `events(last_event_id=cursor)` goes on."""

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "events behind the last one are no longer there: read the states anew, and go on with"
            f" events(last_event_id={cursor!r})"
        )
        self.cursor = cursor


class StoreFailed(GatewayClientError):
    """The store did not take or give an object."""


class JobWouldFail(GatewayClientError):
    """A job with this table would fail; the sentence is the kernels' own. No job was sent."""
