"""The steps of `hpc-gateway run`, with the accepted rows and the requests without an answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands.interrupts import Interrupts
from hpc_gateway_client.commands.progress import Report
from hpc_gateway_client.commands.temporary_objects import TemporaryObjects
from hpc_gateway_client.errors import GatewayClientError, Refused, Unreachable
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Job, Output, Transfer
from hpc_gateway_client.store import Store
from hpc_gateway_client.tables import TableJudgement

FOLDER = "serrano/data"
JUDGED_S = 60.0
NOT_FOUND = 404
Row = TypeVar("Row", bound=Transfer | Job)


@dataclass(frozen=True)
class JobOptions:
    """The services of the job, their parameters and the resources."""

    services: Sequence[str]
    params: Mapping[str, object]
    resources: Resources


class Workflow:
    """One run: each step takes its accepted row from those that are resumed, or starts it.

    `rows` has the last known status of all accepted rows; `uncertain` names requests without an answer,
    which the gateway may have accepted.
    """

    def __init__(
        self,
        gateway: Gateway,
        store: Store,
        objects: TemporaryObjects,
        interrupts: Interrupts,
        say: Callable[[str], None],
    ) -> None:
        self._gateway, self._store, self._objects = gateway, store, objects
        self._interrupts, self._say = interrupts, say
        self.rows: dict[str, Transfer | Job] = {}
        self.uncertain: list[str] = []

    def resume(self, ids: Sequence[str]) -> None:
        """Look up the rows that an earlier run has left."""
        for row_id in ids:
            row = self._gateway.find(row_id)
            if row.infrastructure != self._gateway.infrastructure:
                raise GatewayClientError(f"{row_id} is on the cluster {row.infrastructure}: give it by --on")
            if isinstance(row, Transfer) and (row.kind == "data" or row.bucket != self._store.bucket):
                raise GatewayClientError(
                    f"{row_id} is no transfer of `run` with the bucket {self._store.bucket}: give its own"
                )
            self.rows[row.url] = row

    @property
    def job(self) -> Job | None:
        """The job of the run, once it is accepted."""
        return next((row for row in self.rows.values() if isinstance(row, Job)), None)

    def stage_in(self, data: Path, line: Report) -> str:
        """Bring the input to the cluster, and return its place below the data folder."""
        row = self._transfer("s3_data")
        if row is None:
            key = self._objects.new_key(data.name)
            self._upload(data, key)
            dst = f"{FOLDER}/Init_Data/{key}"
            row = self._start(lambda: self._gateway.start_stage_in(key, dst), "s3_data", key)
        row = self._wait(row, line)
        return str(row.dst).removeprefix(FOLDER)

    def judge(self, asked: JobOptions, *, insists: bool) -> None:
        """Print how the kernels understand the staged table; stop where the job would fail."""
        row = self._transfer("s3_data")
        table = None if row is None else self._table(row)
        if table is None:
            return
        for sentence in table.sentences():
            self._say(sentence)
        problem = table.problem_of_job(asked.services, asked.params)
        if problem and not insists:
            raise GatewayClientError(f"the job would fail: {problem}; --yes sends it all the same")
        if problem:
            self._say(f"the job may fail: {problem}")

    def _table(self, row: Transfer) -> TableJudgement | None:
        """Return the judgement of the input, None of a gateway that does not judge."""
        try:
            return self._gateway.table(row, JUDGED_S)
        except Refused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            return None

    def compute(self, asked: JobOptions, place: str, line: Report) -> Job:
        """Run the services on the input."""
        job = self.job or self._start(
            lambda: self._gateway.start_compute(
                asked.services, place, asked.params, resources=asked.resources
            ),
            "job",
            None,
        )
        return self._wait(job, line)

    def stage_out(self, made: Output, line: Report) -> str:
        """Bring a result to the store, and return its key."""
        row = self._transfer("s3_result", made.path)
        if row is None:
            key = self._objects.new_key(f"{made.service}{Path(made.path).suffix}")
            row = self._start(lambda: self._gateway.start_stage_out(made.path, key), "s3_result", key)
        return self._wait(row, line).object

    def _upload(self, data: Path, key: str) -> None:
        """Upload a file; an interrupt ends the upload while bytes are missing, else it waits for the answer.

        A request that is given up with all bytes sent may store its object after the object's removal.
        """
        interrupted = Event()

        def check(_bytes: int) -> None:
            if interrupted.is_set():
                raise GatewayClientError("interrupted")

        def note() -> None:
            interrupted.set()
            self._say("stopping the upload; interrupt again to end without the store's answer")

        with self._interrupts.put_off(note):
            self._store.upload(data, key, check)

    def _transfer(self, kind: str, src: str | None = None) -> Transfer | None:
        """Return the accepted transfer of a step, and take over its object."""
        for row in self.rows.values():
            if isinstance(row, Transfer) and row.kind == kind and src in (None, row.src):
                self._objects.adopt(row.object)
                return row
        return None

    def _start(self, start: Callable[[], Row], what: str, key: str | None) -> Row:
        """Start a row, and put an interrupt off until the gateway's answer says whether it is accepted."""
        request = f"{what} {key or ''}".rstrip()
        self.uncertain.append(request)
        if key:
            self._objects.hold(key)
        with self._interrupts.put_off(self._stop_waiting):
            try:
                row = start()
            except (Refused, Unreachable) as error:
                if not (isinstance(error, Unreachable) and error.may_be_accepted):
                    self._forget(request, key)
                raise
            self.rows[row.url] = row
            self.uncertain.remove(request)
        return row

    def _forget(self, request: str, key: str | None) -> None:
        self.uncertain.remove(request)
        if key:
            self._objects.release(key)

    def _stop_waiting(self) -> None:
        self._gateway.patience_s = 0.0
        self._say("waiting for the gateway's answer to a request; interrupt again to end without it")

    def _wait(self, row: Row, line: Report) -> Row:
        if isinstance(row, Transfer):
            self._objects.hold(row.object)
        return self._gateway.wait(row, lambda seen: self._see(seen, line))

    def _see(self, row: Transfer | Job, line: Report) -> None:
        self.rows[row.url] = row
        if row.ended and isinstance(row, Transfer):
            self._objects.release(row.object)
        line(row)
