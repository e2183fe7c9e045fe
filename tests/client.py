"""A client of a running stack as the tests need one: objects, requests, and polls until the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from hpc_gateway_commands.demo.check import Table, read_table
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack
from tests.polling import until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "recordings"
DATA = "serrano/data"
INPUTS = "Init_Data/raw_data_input_fft"
END_S = 90.0
Status = dict[str, Any]


def recording() -> bytes:
    """Return the acceleration recording that the project ships."""
    return resources.files("hpc_gateway_commands.demo").joinpath("acceleration_12.csv").read_bytes()


class Client:
    """Requests to one stack, and a store that they can name."""

    def __init__(self, stack: Stack, http: httpx.Client, s3: "S3Client") -> None:
        self.stack, self.http, self.s3 = stack, http, s3

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def stored(self, key: str) -> bytes:
        """Read an object."""
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def place(self, name: str, data: bytes) -> str:
        """Put an input on the cluster without a transfer; return its `read_input_data`."""
        self.write(f"{DATA}/{INPUTS}/{name}", data)
        return f"/{INPUTS}/{name}"

    def write(self, path: str, data: bytes) -> None:
        """Write a file of the cluster's account."""
        file = self.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        home = self.stack.home.stat()
        for made in (file, *file.parents):
            if made.is_relative_to(self.stack.home):
                os.chown(made, home.st_uid, home.st_gid)

    def file(self, path: str) -> Path:
        """Return where a path of the cluster's account is."""
        return self.stack.home / path

    def stage_in(self, key: str, dst: str, **changes: str) -> Status:
        """Ask for an object on the cluster."""
        return self.post("/s3_data", {**self.store_fields(), "object": key, "dst": dst, **changes})

    def stage_out(self, src: str, key: str, **changes: str) -> Status:
        """Ask for a file in the store."""
        return self.post("/s3_result", {**self.store_fields(), "object": key, "src": src, **changes})

    def compute(self, services: list[str], read_input_data: str, **params: Any) -> Status:
        """Ask for a job; it is looked at as often as the contract allows."""
        return self.post(
            "/job",
            {
                "services": services,
                "infrastructure": INFRASTRUCTURE,
                "params": {"read_input_data": read_input_data, **params},
                "watch_period": 1,
            },
        )

    def post(self, url: str, body: dict[str, Any]) -> Status:
        """Post what must be accepted."""
        answer = self.http.post(url, json=body)
        assert answer.status_code == 201, answer.text
        return self._json(answer)

    def get(self, url: str) -> Status:
        """Get what must be there."""
        answer = self.http.get(url)
        assert answer.status_code == 200, answer.text
        return self._json(answer)

    def moved(self, url: str, accepted: Status, within_s: float = END_S) -> Status:
        """Wait for a transfer's end."""
        return self.reaches(url, accepted, {"completed", "failed", "cancelled"}, within_s)

    def finished(self, accepted: Status, within_s: float = END_S) -> Status:
        """Wait for a job's end."""

        def ended() -> Status | None:
            status = self.get(f"/job/{accepted['id']}")
            return status if status["status"] == "completed" else None

        return until(f"job {accepted['id']} has ended", ended, within_s)

    def reaches(self, url: str, accepted: Status, states: set[str], within_s: float = END_S) -> Status:
        """Wait for one of some states."""

        def reached() -> Status | None:
            status = self.get(f"{url}/{accepted['id']}")
            return status if status["state"] in states else None

        return until(f"{url}/{accepted['id']} is one of {sorted(states)}", reached, within_s)

    def table(self, path: str) -> Table:
        """Read a result on the cluster."""
        return read_table(self.file(path))[1]

    def store_fields(self) -> dict[str, str]:
        """Return what every request about the store names."""
        return {
            "endpoint": self.stack.store.url,
            "bucket": BUCKET,
            "access_key": self.stack.store.access_key,
            "secret_key": self.stack.store.secret_key,
            "infrastructure": INFRASTRUCTURE,
        }

    @staticmethod
    def _json(answer: httpx.Response) -> Status:
        status: Status = answer.json()
        return status


@contextmanager
def client_of(stack: Stack) -> Iterator[Client]:
    """Connect to the stack, and make the bucket."""
    s3 = stack.store.client()
    s3.create_bucket(Bucket=BUCKET)
    with httpx.Client(base_url=stack.api_url, timeout=30) as http:
        yield Client(stack, http, s3)
    s3.close()
