"""What can go wrong for a client, each with the gateway's own words.

GatewayClientError
├── Unreachable      no answer from the gateway, for longer than a client should wait
├── Refused          the gateway said no: `status` is the HTTP status
├── TransferFailed   a transfer ended badly: `transfer` is its last status
├── JobFailed        a job ended badly: `job` is its last status
└── StillRunning     the time that the caller allowed is over; the work goes on
"""

from hpc_gateway_client.models import Job, Transfer


class GatewayClientError(Exception):
    """The gateway could not do, or could not be asked for, what was wanted."""


class Unreachable(GatewayClientError):
    """There is no answer from the gateway."""


class Refused(GatewayClientError):
    """The gateway said no."""

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


class StillRunning(GatewayClientError):
    """The time allowed is over; the work goes on."""
