"""A cluster of cluster.sh, in one of its two forms: started, stopped, and broken on purpose."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hpc_gateway_commands.demo.stack import running_stack
from tests.client import Client, client_of
from tests.machine_code import give_machine_code
from tests.ordinary import NAME, ordinary_account
from tests.polling import until

HERE = Path(__file__).parent
BASE_PORT = int(os.environ.get("GATEWAY_TEST_SLURM_PORT", "18400"))
# The forms of cluster.sh, and the first port of each: two processes may test both at once.
FORMS = {"plain": BASE_PORT, "site": BASE_PORT + 1000}
USER = NAME if ordinary_account() else "root"
SITE_ONLY = pytest.mark.parametrize("cluster", ["site"], indirect=True)

CONFIGURATION = """
[demo]
scheduler = "slurm"
home = "{home}"
python = "{python}"
slurm = "{way}"
slurm_conf = "{conf}"
path = "{path}"
mpi = "{mpi}"
max_cpus = 16
[demo.defaults]
partition = "debug"
[demo.ceilings]
partitions = ["debug", "small"]
nodes = 4
time_limit_s = 600
"""


@dataclass(frozen=True)
class SlurmCluster:
    prefix: Path
    run: Path
    min_job_age_s: int = 300
    base_port: int = BASE_PORT
    form: str = "plain"
    memory_kill: str = "cgroup"
    mpi: str = "pmi2"

    @property
    def conf(self) -> Path:
        return self.run / "slurm.conf"

    @property
    def kernels_python(self) -> Path:
        return self.prefix / "kernels" / "bin" / "python"

    @property
    def path(self) -> str:
        return f"{self.prefix / 'bin'}:/usr/bin:/bin"

    def act(self, *action: str) -> None:
        verb, *rest = action
        subprocess.run(
            [str(HERE / "cluster.sh"), verb, str(self.prefix), str(self.run), *rest],
            env={
                "PATH": os.environ["PATH"],
                "SLURM_BASE_PORT": str(self.base_port),
                "SLURM_MIN_JOB_AGE": str(self.min_job_age_s),
                "SLURM_FORM": self.form,
                "SLURM_MEMORY_KILL": self.memory_kill,
            },
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=400,
        )

    def command(self, *argv: str, check: bool = True) -> str:
        """Run one of Slurm's own commands: the tests' independent witness."""
        return subprocess.run(
            [str(self.prefix / "bin" / argv[0]), *argv[1:]],
            env={"SLURM_CONF": str(self.conf), "PATH": self.path},
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def resume(self, node: str) -> None:
        """Take a node back into service; it may have come back by itself."""
        self.command("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)

    def names(self) -> list[str]:
        """Return the names of all jobs that Slurm knows, ended ones included."""
        lines = self.command("squeue", "-h", "-t", "all", "-o", "%j").splitlines()
        return [line.strip() for line in lines]

    def empty(self) -> None:
        """Cancel all jobs, and wait until none is left."""
        for user in {"root", USER}:
            self.command("scancel", "--user", user)
        until("no job is left", lambda: not self.command("squeue", "-h"), 120)

    def kill(self, daemon: str, number: signal.Signals) -> None:
        """Send a signal to `slurmctld`, `slurmdbd`, `munge` or `slurmd-n1`."""
        os.kill(int((self.run / f"{daemon}.pid").read_text()), number)


def configure(cluster: SlurmCluster, folder: Path, python: Path | None = None, way: str = "pyslurm") -> Path:
    """Write the configuration of a stack below the folder."""
    path = folder / "slurm.toml"
    path.write_text(
        CONFIGURATION.format(
            home=folder / "stack" / "cluster",
            python=python or cluster.kernels_python,
            conf=cluster.conf,
            way=way,
            path=cluster.path,
            mpi=cluster.mpi,
        )
    )
    return path


@contextmanager
def service_on(cluster: SlurmCluster, folder: Path, python: Path | None = None) -> Iterator[Client]:
    """Run the whole service as the ordinary account; `python` replaces the interpreter of the kernels."""
    settings = {"GATEWAY_INFRASTRUCTURES": str(configure(cluster, folder, python)), "HOME": str(folder)}
    account = ordinary_account()
    with (
        running_stack(folder / "stack", print, flower=False, settings=settings, account=account) as stack,
        client_of(stack) as client,
    ):
        give_machine_code(stack, cluster.kernels_python)
        yield client


def place_long_input(client: Client) -> str:
    """Place an input on which `kmean` warps for minutes."""
    signals = np.random.default_rng(0).standard_normal((8000, 400)).round(3).tolist()
    header = ";".join(f"s{number}" for number in range(400))
    rows = [";".join(map(str, row)) for row in signals]
    return client.place("long.csv", "\n".join([header, *rows]).encode())
