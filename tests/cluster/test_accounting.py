"""What Slurm has forgotten and the folder does not tell, slurmdbd does: with a database of its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.schedulers.base import JobSpec, SubmittedJob
from gateway.states import JobState
from tests.cluster.scheduler_process import scheduler_process
from tests.cluster.slurm_cluster import SITE_ONLY, SlurmCluster
from tests.polling import until


@pytest.fixture(scope="module")
def forgetful(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    run, port = tmp_path_factory.mktemp("accounting"), cluster.base_port + 200
    made = replace(cluster, run=run, min_job_age_s=2, base_port=port)
    made.act("start")
    yield made
    made.act("stop")


@SITE_ONLY
@pytest.mark.long
def test_the_end_is_in_the_accounting(forgetful: SlurmCluster, tmp_path: Path) -> None:
    folder = tmp_path / "job.1"
    folder.mkdir()
    work = "for ((i = 0; i < 3000000; i++)); do :; done; sleep 2; exit 4"
    job = SubmittedJob(folder.name, "", folder, datetime.now(UTC))
    with scheduler_process(forgetful) as scheduler:
        assert scheduler.recall([job]) == {job.name: None}
        scheduler_id = scheduler.submit(JobSpec(folder.name, folder, ("/bin/bash", "-c", work), 1, 1, "srun"))
        until("Slurm has forgotten the job", lambda: forgetful.names() == [], 180)
        (folder / "exit.json").unlink()
        told = scheduler.recall([job])[job.name]
        figures = scheduler.accounting(job).get(job.name)
    assert told is not None
    assert (told.state, told.exit_code, told.scheduler_id) == (JobState.FAILED, 4, scheduler_id)
    assert figures is not None
    assert (figures.elapsed_s or 0) >= 2
    assert (figures.cpu_s or 0) >= 1
    assert (figures.resident_memory_bytes or 0) > 1e6
