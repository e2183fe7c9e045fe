"""The Slurm client in a child process of the ordinary account: a process can use only one slurm.conf."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, cast

from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from tests.cluster.slurm_cluster import SlurmCluster
from tests.ordinary import ROOT, as_account, own

CHILD = "tests.cluster.served_scheduler"


class SchedulerProcess:
    """Passes each call to a SlurmScheduler in a child process, and returns its result or raises its error."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def submit(self, spec: JobSpec) -> str:
        """Submit a job whose folder the test has made as another account."""
        own(spec.folder)
        return str(self._call("submit", (spec,), {}))

    def _call(self, *request: object) -> Any:
        pickle.dump(request, self._requests)
        self._requests.flush()
        error, result = pickle.load(self._answers)  # noqa: S301  our own child
        if error is not None:
            raise error
        return result


@contextmanager
def scheduler_process(
    cluster: SlurmCluster, environment: Mapping[str, str] | None = None, way: str = "pyslurm"
) -> Iterator[SlurmScheduler]:
    """Run a client of the cluster until the end of the block."""
    argv = as_account(sys.executable, "-P", "-m", CHILD, way, str(cluster.conf), cluster.path)
    env = {"PATH": cluster.path, "PYTHONPATH": str(ROOT), "HOME": "/", **(environment or {})}
    with subprocess.Popen(argv, env=env, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield cast("SlurmScheduler", SchedulerProcess(child.stdin, child.stdout))
        child.stdin.close()
