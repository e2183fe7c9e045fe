"""The runs of `hpc-gateway run`: a file is uploaded, its workflow started and watched, its results saved."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from hpc_gateway_client.commands.interrupts import Interrupts
from hpc_gateway_client.commands.judgement import tell_judgement
from hpc_gateway_client.commands.plots import Plot, show_result
from hpc_gateway_client.commands.progress import ProgressLines
from hpc_gateway_client.commands.results import name_results, save_results
from hpc_gateway_client.commands.temporary_objects import FOLDER, TemporaryObjects
from hpc_gateway_client.errors import GatewayClientError, Refused, Unreachable, WorkflowFailed
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Job, Workflow, WorkflowOutput
from hpc_gateway_client.result_files import result_name
from hpc_gateway_client.store import Store

JOB = "job"
LONGEST_TITLE = 14
Source = Mapping[str, object]


@dataclass(frozen=True)
class Wanted:
    """The job of each file: services, parameters and resources, or a sweep; and whether tables are judged."""

    job: Mapping[str, object]
    sweep: Mapping[str, object] | None = None
    is_judged: bool = True

    def check(self, gateway: Gateway) -> None:
        """Raise Refused for work that the gateway would refuse, before a byte moves."""
        target = f"{FOLDER}results/" if gateway.store else None
        gateway.check_workflow([self.job], target, sweep=self.sweep)


@dataclass
class FileRun:
    """A file, its objects in the store, and its workflow once it is accepted.

    `uncertain` tells that the request has no answer, and may have been accepted; `is_judged`, that nothing
    more is to be told of the table; `is_saved`, that the results are here.
    """

    data: Path
    objects: TemporaryObjects
    workflow: Workflow | None = None
    results: Sequence[WorkflowOutput] = ()
    uncertain: bool = False
    is_judged: bool = False
    is_saved: bool = False

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something to come back for: work that goes on, or results that are not here."""
        if self.workflow is None:
            return False
        return not self.workflow.ended or (self.workflow.succeeded and not self.is_saved)


@dataclass
class Runs:
    """All runs of a command, and where an interrupt finds them."""

    gateway: Gateway
    store: Store | None
    interrupts: Interrupts
    lines: ProgressLines
    keep: bool = False
    plot: Plot | None = None
    started: list[FileRun] = field(default_factory=list)
    failures: list[WorkflowFailed] = field(default_factory=list)
    _warned: set[str] = field(default_factory=set)

    def start(self, data: Path, wanted: Wanted) -> FileRun:
        """Upload a file and start its workflow."""
        run = FileRun(data, TemporaryObjects(self.store, keep=self.keep))
        self.started.append(run)
        key = run.objects.new_key(data.name)
        source = self._upload(data, key)
        target = key.rpartition("/")[0] + "/results/" if self.store else None
        run.workflow = self._post(run, key, lambda: self._request(source, wanted, target))
        return run

    def finish_all(self, output: Path | None, timeout_s: float | None) -> list[Workflow]:
        """Wait for all workflows and save their results; one that ends badly keeps none of the others'."""
        ended, started = list[Workflow](), time.monotonic()
        for run in self.started:
            left = None if timeout_s is None else max(0.0, timeout_s - (time.monotonic() - started))
            try:
                ended.append(self.finish(run, output, left))
            except WorkflowFailed as error:
                self.failures.append(error)
                ended.append(error.workflow)
        return ended

    def finish(self, run: FileRun, output: Path | None, timeout_s: float | None) -> Workflow:
        """Wait for a workflow, save its results, and let its objects go."""
        if run.workflow is None:
            raise GatewayClientError(f"{run.data} has no workflow")
        line = self.lines.add(_short(run.data.name))

        def see(workflow: Workflow) -> None:
            run.workflow = workflow
            run.is_judged = run.is_judged or tell_judgement(self.gateway, workflow, self._say_of_table)
            if workflow.ended:
                self._take_results(run, workflow)
            line(workflow)

        ended = self.gateway.wait(run.workflow, see, timeout_s)
        self._tell(ended)
        folder = output if output is not None or not run.data.parent.parts else run.data.parent
        if folder is not None and output is None and len(run.results) == 1:
            [made] = run.results
            folder = run.data.with_name(result_name(run.data.stem, made))
        files = name_results(run.results, run.data.stem, folder)
        save_results(self.gateway, ended, files, self.lines.say)
        run.is_saved = True
        if self.plot is not None:
            for file, made in files.items():
                show_result(self.gateway, ended, made, self.plot.beside(file), self.lines.say)
        run.objects.release_all()
        return ended

    def _take_results(self, run: FileRun, workflow: Workflow) -> None:
        """Keep the objects of the results until they are saved; those of a failure are let go."""
        run.results = self.gateway.results(workflow)
        for made in run.results:
            if made.object:
                run.objects.hold(run.objects.adopt(made.object))
        if not workflow.succeeded:
            run.objects.release_all()

    def _say_of_table(self, sentence: str) -> None:
        """Print a sentence of the judgement, which a warning of the job may repeat."""
        self._warned.add(sentence)
        self.lines.say(sentence)

    def _warn(self, warnings: Sequence[str]) -> None:
        """Print each warning that was not said before."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self.lines.say(f"warning: {warning}")

    def _tell(self, workflow: Workflow) -> None:
        """Print warnings and the usage of the jobs."""
        self._warn(workflow.warnings)
        for step in workflow.steps:
            if step.kind == "job" and step.id is not None:
                job = self.gateway.find(step.id, step.kind)
                if isinstance(job, Job):
                    self._tell_job(job)

    def _tell_job(self, job: Job) -> None:
        self._warn(job.warnings)
        if job.usage and self.lines.is_shown:
            self.lines.say(f"used: {usage_text(job.usage)}")

    def _request(self, source: Source, wanted: Wanted, target: str | None) -> Workflow:
        return self.gateway.start_workflow(
            source, [wanted.job], target, sweep=wanted.sweep, check=wanted.is_judged
        )

    def _upload(self, data: Path, key: str) -> Source:
        """Upload a file; an interrupt ends the upload while bytes are missing, else it waits for the answer.

        A request that is given up with all bytes sent may store its object after the object's removal.
        """
        interrupted = Event()

        def check(_bytes: int) -> None:
            if interrupted.is_set():
                raise GatewayClientError("interrupted")

        def note() -> None:
            interrupted.set()
            self.lines.say("stopping the upload; interrupt again to end without the store's answer")

        with self.interrupts.put_off(note):
            if self.store is not None:
                self.store.upload(data, key, check)
                return {"s3": self.store.fields | {"object": key}}
            return {"file": str(self.gateway.upload(data, check).id)}

    def _post(self, run: FileRun, key: str, start: Callable[[], Workflow]) -> Workflow:
        """Start a workflow, and put an interrupt off until the answer says whether it is accepted."""
        run.uncertain = True
        run.objects.hold(key)
        with self.interrupts.put_off(self._stop_waiting):
            try:
                run.workflow = start()
            except (Refused, Unreachable) as error:
                if not (isinstance(error, Unreachable) and error.may_be_accepted):
                    run.uncertain = False
                    run.objects.release(key)
                raise
            run.uncertain = False
        return run.workflow

    def _stop_waiting(self) -> None:
        self.gateway.patience_s = 0.0
        self.lines.say("waiting for the gateway's answer to a request; interrupt again to end without it")


def _short(name: str) -> str:
    """Return a name that leaves room for the bar."""
    return name if len(name) <= LONGEST_TITLE else f"{name[: LONGEST_TITLE - 1]}…"


def usage_text(usage: Mapping[str, object]) -> str:
    """Return the usage of a job in one line."""
    from hpc_gateway_client.commands.details import text_of  # noqa: PLC0415  as the line is seldom printed

    return ", ".join(
        f"{name.removesuffix('_bytes').removesuffix('_s').replace('_', ' ')} {text_of(name, value)}"
        for name, value in usage.items()
        if isinstance(value, int | float) and value
    )
