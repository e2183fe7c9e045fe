"""Everything that can go wrong, as one tree of exceptions.

GatewayError                 status  retried by itself
├── Invalid                  400     no
├── Unauthorized             401     no      nobody that we know
├── Forbidden                403     no      known, but may not do this
├── NotFound                 404     no
├── Conflict                 409     no
├── TooMany                  429     no      a limit on requests, unfinished work or bytes
├── Unavailable              503     yes     our database or queue is away
├── StorageError             502     no      an S3 store said no
│   └── StorageUnavailable   502     yes     it is slow or not reachable
│       ├── StorageBusy      502     yes     it asks for fewer requests
│       └── StorageChanged   502     yes     the object is not what it was when the transfer began
├── SiteError                502     no      the cluster's filesystem said no
│   └── SiteUnavailable      502     yes
├── SchedulerError           502     no      the scheduler said no
│   └── SchedulerUnavailable 502     yes
├── Cancelled                409     no      somebody asked to stop this work
├── HandedBack               503     yes     this worker was asked to stop: another one goes on
└── ClaimLost                409     no      another worker owns the row now: write nothing, go home

`detail` is always a sentence that a user can act on; it becomes the `reason` of a row or the `detail`
of a problem document, so it never holds a secret.
"""

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """The class of a failure; the reason beside it says what to do."""

    CREDENTIALS = "credentials"  # unknown keys, wrong signatures
    PERMISSION = "permission"  # known, but not allowed to
    NOT_FOUND = "not_found"
    NAME = "name"  # a name or path that cannot be
    SPACE = "space"  # full, or over a quota
    NETWORK = "network"
    STORE = "store"  # the store's own trouble, or what it refuses for other reasons
    FILESYSTEM = "filesystem"
    SCHEDULER = "scheduler"
    INPUT = "input"  # what a kernel did not like about its input or options
    KERNEL = "kernel"  # a kernel that failed for any other reason
    LIMIT = "limit"  # out of the time or memory that was asked for
    NODE = "node"
    LOST = "lost"
    WORKERS = "workers"  # too many workers died of it
    INTERNAL = "internal"


class GatewayError(Exception):
    """The gateway could not do what was asked."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    transient: ClassVar[bool] = False
    fault: Fault = Fault.INTERNAL
    retry_after_s: float | None = None

    def __init__(self, detail: str, fault: Fault | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fault = fault or self.fault


class Invalid(GatewayError):
    """The request cannot be fulfilled by anyone, ever: it has to be changed."""

    status = 400
    title = "Invalid request"
    fault = Fault.NAME

    def __init__(self, detail: str, field: str = "") -> None:
        named = not field or detail.startswith("params.")
        super().__init__(detail if named else f"{field}: {detail}")
        self.field = field


class Unauthorized(GatewayError):
    """The request does not say who sends it, or cannot prove it."""

    status = 401
    title = "Not authenticated"


class Forbidden(GatewayError):
    """The caller is known and may not do this, whatever it is done to."""

    status = 403
    title = "Not allowed"


class NotFound(GatewayError):
    """Nothing of that name or id exists."""

    status = 404
    title = "Not found"
    fault = Fault.NOT_FOUND


class Conflict(GatewayError):
    """The thing exists but is in the wrong state for this."""

    status = 409
    title = "Wrong state"


class TooMany(GatewayError):
    """The owner, or the cluster, has as much as is allowed at once: the same request may pass later."""

    status = 429
    title = "Too many requests"
    fault = Fault.LIMIT

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(GatewayError):
    """The gateway's own database or queue is away for the moment."""

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
    """The object store asks for fewer requests."""


class StorageChanged(StorageUnavailable):
    """The object is not what it was when the transfer began: what is here of it is worth nothing."""


class FilesystemError(GatewayError):
    """The cluster's filesystem refused."""

    status = 502
    title = "Cluster filesystem"
    fault = Fault.FILESYSTEM


class FilesystemUnavailable(FilesystemError):
    """The cluster's filesystem is away for the moment."""

    transient = True


class SchedulerError(GatewayError):
    """The scheduler refused."""

    status = 502
    title = "Scheduler"
    fault = Fault.SCHEDULER


class SchedulerUnavailable(SchedulerError):
    """The scheduler does not answer for the moment."""

    transient = True


class Cancelled(GatewayError):
    """Somebody asked to stop this work."""

    status = 409
    title = "Cancelled"


class HandedBack(GatewayError):
    """The worker was asked to stop; another one goes on where it was."""

    status = 503
    title = "Handed back"
    transient = True


class ClaimLost(GatewayError):
    """Another worker has claimed the row since: this one must not write any more."""

    status = 409
    title = "Claim lost"


def is_over(error: BaseException) -> bool:
    """Tell whether nobody will go on after this error: not here, and not where the claim is now."""
    if isinstance(error, GatewayError):
        return not error.transient and not isinstance(error, ClaimLost)
    return isinstance(error, Exception)
