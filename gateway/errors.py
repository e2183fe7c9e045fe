"""The errors of the gateway, as one tree of exceptions.

GatewayError                 status  automatic retry
├── Invalid                  400     no
├── Unauthorized             401     no      no known caller
├── Forbidden                403     no      a known caller without the permission
├── NotFound                 404     no
├── NotAcceptable            406     no      the request accepts no form that the answer has
├── NotOffered               501     no      the operator has switched it off
├── Conflict                 409     no
├── TooMany                  429     no      a limit on requests, unfinished work or bytes
├── NotConfigured            501     no      the operator has not set up this part
├── Unavailable              503     yes     the gateway's database or queue is down
├── StorageError             502     no      an object store refused
│   └── StorageUnavailable   502     yes     it is slow or not reachable
│       ├── StorageBusy      502     yes     it asks for fewer requests
│       ├── StorageSlow      502     yes     it moves fewer bytes than the least rate
│       └── StorageChanged   502     yes     the object has changed since the transfer began
├── FilesystemError          502     no      the cluster's filesystem refused
│   └── FilesystemUnavailable 502    yes
├── SchedulerError           502     no      the scheduler refused
│   └── SchedulerUnavailable 502     yes
├── InputError               400     no      the input or the options of a job, which its kernel refused
├── Cancelled                409     no      a client requested the end of this work
├── HandedBack               503     yes     a worker continues it later, where it was
└── ClaimLost                409     no      another worker has claimed the row: write no more

`detail` is always a sentence that tells a user the next step; it becomes the `reason` of a row or the
`detail` of a problem document, so it never holds a secret. It may quote a server: it is cleaned.
"""

from enum import StrEnum
from typing import ClassVar

from gateway.cleaning import clean


class Fault(StrEnum):
    """The class of a failure, by which failures are counted; the reason explains the single one."""

    CREDENTIALS = "credentials"  # unknown keys, wrong signatures
    PERMISSION = "permission"  # valid keys without the permission
    NOT_FOUND = "not_found"
    NAME = "name"  # an impossible name or path
    SPACE = "space"  # full, or over a quota
    NETWORK = "network"
    STORE = "store"  # an error of the store, or a refusal for another reason
    FILESYSTEM = "filesystem"
    SCHEDULER = "scheduler"
    INPUT = "input"  # input or options that a kernel refused
    KERNEL = "kernel"  # a kernel that failed for any other reason
    LIMIT = "limit"  # the requested time or memory ran out
    NODE = "node"
    LOST = "lost"
    WORKERS = "workers"  # too many workers died while they worked on it
    INTERNAL = "internal"


class GatewayError(Exception):
    """The base class of the gateway's errors."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    transient: ClassVar[bool] = False
    fault: Fault = Fault.INTERNAL
    retry_after_s: float | None = None

    def __init__(self, detail: str, fault: Fault | None = None) -> None:
        self.detail = clean(detail)
        super().__init__(self.detail)
        self.fault = fault or self.fault


class Invalid(GatewayError):
    """The request is invalid and has to be changed."""

    status = 400
    title = "Invalid request"
    fault = Fault.NAME

    def __init__(self, detail: str, field: str = "") -> None:
        named = not field or detail.startswith("params.")
        super().__init__(detail if named else f"{field}: {detail}")
        self.field = field


class Unauthorized(GatewayError):
    """The request has no valid credentials."""

    status = 401
    title = "Not authenticated"


class Forbidden(GatewayError):
    """The caller's scope does not allow the request, for any resource."""

    status = 403
    title = "Not allowed"


class NotFound(GatewayError):
    """No resource of that name or id exists."""

    status = 404
    title = "Not found"
    fault = Fault.NOT_FOUND


class NotAcceptable(GatewayError):
    """The answer has no form that the request accepts."""

    status = 406
    title = "Not acceptable"


class NotOffered(GatewayError):
    """The operator has not set up the call, or has switched it off."""

    status = 501
    title = "Not offered here"


class Conflict(GatewayError):
    """The resource exists but is in the wrong state for the request."""

    status = 409
    title = "Wrong state"


class TooMany(GatewayError):
    """A limit of the owner or of the cluster is reached: the same request may pass later."""

    status = 429
    title = "Too many requests"
    fault = Fault.LIMIT

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NotConfigured(GatewayError):
    """The operator has not set up this part of the gateway."""

    status = 501
    title = "Not configured"


class Unavailable(GatewayError):
    """The gateway's own database or queue is down for the moment."""

    status = 503
    title = "Temporarily unavailable"
    transient = True


class StorageError(GatewayError):
    """The object store refused."""

    status = 502
    title = "Object store"
    fault = Fault.STORE


class StorageUnavailable(StorageError):
    """The object store is slow, busy or not reachable."""

    transient = True


class StorageBusy(StorageUnavailable):
    """The object store asks for fewer requests, and perhaps for none during some seconds."""

    def __init__(self, detail: str, fault: Fault | None = None, after_s: float | None = None) -> None:
        super().__init__(detail, fault)
        self.retry_after_s = after_s


class StorageSlow(StorageUnavailable):
    """The object store moves fewer bytes than the least rate."""


class StorageChanged(StorageUnavailable):
    """The object has changed since the transfer began, so the bytes received so far are useless."""


class FilesystemError(GatewayError):
    """The cluster's filesystem refused."""

    status = 502
    title = "Cluster filesystem"
    fault = Fault.FILESYSTEM


class FilesystemUnavailable(FilesystemError):
    """The cluster's filesystem does not answer for the moment."""

    transient = True


class SchedulerError(GatewayError):
    """The scheduler refused."""

    status = 502
    title = "Scheduler"
    fault = Fault.SCHEDULER


class SchedulerUnavailable(SchedulerError):
    """The scheduler does not answer for the moment."""

    transient = True


class InputError(GatewayError):
    """The kernel of a job refused its input or its options."""

    status = 400
    title = "Input refused"
    fault = Fault.INPUT


class ArrayTooLarge(SchedulerError):
    """The scheduler takes no job array of so many members now, for a limit of the account."""


class Cancelled(GatewayError):
    """A client requested the end of this work."""

    status = 409
    title = "Cancelled"


class HandedBack(GatewayError):
    """The worker is stopping or another owner needs its slot; a worker continues later, where it was."""

    status = 503
    title = "Handed back"
    transient = True


class ClaimLost(GatewayError):
    """Another worker has claimed the row since: this one must not write to it."""

    status = 409
    title = "Claim lost"


def is_over(error: BaseException) -> bool:
    """Tell whether the error ends the work, so that no retry and no other worker continues it."""
    if isinstance(error, GatewayError):
        return not error.transient and not isinstance(error, ClaimLost)
    return isinstance(error, Exception)
