"""One attempt of a transfer in a process of its own, which tests can kill; its orders are JSON."""

import json
import os
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from gateway.errors import GatewayError
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import S3Address
from tests.staging import Recorder, stage_in, stage_out


@dataclass
class FileResume:
    """A resume state in a file, in place of a row."""

    file: Path
    token: str
    lost_since: datetime
    deadly: bool = False  # killed between the store's answer and the record of its id

    @property
    def upload_id(self) -> str:
        return self.file.read_text() if self.file.exists() else ""

    def keep_upload(self, upload_id: str) -> None:
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        self.file.write_text(upload_id)

    def begins_again(self) -> None:
        """Do nothing: the test begins the next try itself."""


def main() -> int:
    """Return 0 after success, 1 after an error that is worth another attempt, 2 after a final one."""
    orders = json.loads(sys.argv[1])
    folder = PurePosixPath(orders["home"])
    site, path = SharedFilesystem([folder]), folder / orders["name"]
    address = S3Address(orders["endpoint"], "local", "data", orders["key"])
    resume = FileResume(
        Path(orders["resume"]),
        orders["token"],
        datetime.fromisoformat(orders["begun_at"]),
        deadly=orders.get("deadly", False),
    )
    settings = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=1.0)
    try:
        if orders["inwards"]:
            stage_in(address, site, path, Recorder(), settings, resume=resume)
        else:
            stage_out(site, path, address, Recorder(), settings, resume=resume)
    except GatewayError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1 if error.transient else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
