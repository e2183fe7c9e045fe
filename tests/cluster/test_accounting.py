"""What Slurm has forgotten and the folder does not tell, slurmdbd does: with a database of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm_cluster import BASE_PORT, SlurmCluster
from tests.polling import until

# In a process of its own, for one process can use only one cluster.
ASK = """
import sys
from pathlib import Path
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.client import SlurmInstallation, SlurmScheduler
act, conf, path, folder = sys.argv[1:]
scheduler, folder = SlurmScheduler(SlurmInstallation(Path(conf), path)), Path(folder)
if act == "submit":
    work = "for ((i = 0; i < 3000000; i++)); do :; done; sleep 2; exit 4"
    print(scheduler.submit(JobSpec(folder.name, folder, ("/bin/bash", "-c", work), 1, 1, "srun")))
elif act == "accounting":
    print(scheduler.accounting(folder.name))
else:
    told = scheduler.recall(folder.name, folder)
    print(told and (str(told.state), told.exit_code, told.scheduler_id))
"""


@pytest.fixture(scope="module")
def accounting(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    run = tmp_path_factory.mktemp("accounting")
    made = SlurmCluster(cluster.prefix, run, min_job_age_s=2, base_port=BASE_PORT + 200, form="site")
    made.act("start")
    yield made
    made.act("stop")


def ask(cluster: SlurmCluster, act: str, folder: Path) -> str:
    argv = [sys.executable, "-c", ASK, act, str(cluster.conf), cluster.path, str(folder)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=100).stdout.strip()


@pytest.mark.long
def test_the_end_is_in_the_accounting(accounting: SlurmCluster, tmp_path: Path) -> None:
    folder = tmp_path / "job.1"
    folder.mkdir()
    assert ask(accounting, "recall", folder) == "None"
    scheduler_id = ask(accounting, "submit", folder)
    until("Slurm has forgotten the job", lambda: accounting.names() == [], 180)
    (folder / "exit.json").unlink()
    assert ask(accounting, "recall", folder) == f"('failed', 4, '{scheduler_id}')"
    told = ask(accounting, "accounting", folder)
    figures = dict(figure.split("=") for figure in told.removeprefix("Accounting(").rstrip(")").split(", "))
    assert float(figures["elapsed_s"]) >= 2
    assert float(figures["cpu_s"]) >= 1
    assert int(figures["resident_memory_bytes"]) > 1e6
