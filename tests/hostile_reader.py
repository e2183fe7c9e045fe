"""One reading of a hostile server in a fresh process: prints the error, and the peak of memory above idle.

`python -m tests.hostile_reader CASE URL FOLDER`; the cases and their servers are those of
tests/integration/transfers/staging/test_hostile_memory.py.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gateway.errors import GatewayError
from gateway.filesystems.files import MemorySlice
from gateway.filesystems.shared import SharedFilesystem
from gateway.filesystems.shared_files import SharedPartialFile
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.ftp import FtpFile
from gateway.storage.s3.object import S3Object
from gateway.transfers.prefixes import MOST_CHILDREN
from gateway.transfers.staging.listing import list_objects
from tests.staging import Recorder, stage_in

SETTINGS = Settings(allowed_endpoints=["127.0.0.1"])
MOST_BYTES = 4 << 30  # of address space, so that a reader without bounds spares the machine
STOP_AT_BYTES = 64 << 20


def _object(url: str, key: str) -> S3Object:
    return S3Object(S3Address(url, "local", "data", key), Credentials("me", "geheim"), SETTINGS)


def _claimed(url: str, folder: str) -> None:
    """Download from a store that claims more than any disk holds, past the check of the free space."""

    setattr(SharedPartialFile, "reserve", lambda *_: iter(()))  # noqa: B010  else it is a method of another type
    setattr(SharedPartialFile, "check_space", lambda *_: None)  # noqa: B010
    address = S3Address(url, "local", "data", "x")
    site, path = SharedFilesystem([PurePosixPath(folder)]), PurePosixPath(folder) / "x"
    stage_in(address, site, path, Recorder(stop_at=STOP_AT_BYTES), SETTINGS)


def _put(url: str, _: str) -> None:
    _object(url, "x").put(MemorySlice(b"here"))


def _list(url: str, _: str) -> None:
    found = list_objects(_object(url, "in/"), Recorder(), MOST_CHILDREN)
    raise GatewayError(f"{len(found)} names")


def _read(url: str, _: str) -> None:
    _object(url, "x").ask()


def _greet(url: str, _: str) -> None:
    FtpFile(url.replace("http:", "ftp:") + "/x", SETTINGS).ask()


CASES: dict[str, Callable[[str, str], None]] = {
    "claimed": _claimed,
    "put": _put,
    "list": _list,
    "read": _read,
    "greet": _greet,
}


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(case: str, url: str, folder: str) -> None:
    _object(url, "x")._session.client.close()  # noqa: SLF001  what a worker has loaded after its first transfer
    idle = _peak_mib()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    try:
        CASES[case](url, folder)
        says = "no error"
    except GatewayError as error:
        says = error.detail
    print(json.dumps([says, _peak_mib() - idle]))  # noqa: T201  for the process that started this one


if __name__ == "__main__":
    main(*sys.argv[1:])
