"""Limits of PBS on job arrays: the small PBS refuses one that is too large, and takes a smaller one."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.command_runners.here import HereRunner
from gateway.errors import ArrayTooLarge
from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.pbs.scheduler import PbsScheduler
from tests.pbs.fake_pbs import install


def test_an_array_that_a_queue_refuses_passes_with_fewer_members(tmp_path: Path) -> None:
    path = f"{install(tmp_path)}:/usr/bin:/bin"
    scheduler = PbsScheduler(PbsCommands(HereRunner({"PATH": path}), path))
    narrow = Resources(partition="narrow")
    array = JobSpec("job.1.0", tmp_path, ("true",), 1, 1, "hosts", resources=narrow, array_size=3)
    with pytest.raises(ArrayTooLarge, match="Array job exceeds server or queue size limit"):
        scheduler.submit(array)
    smaller = scheduler.submit(replace(array, array_size=2))
    assert smaller == "100[].pbs1"
    assert "[]" not in scheduler.submit(replace(array, array_size=1))
    assert [job.name for job in PbsCommands(HereRunner({"PATH": path}), path).unfinished_jobs()] == [
        *("job.1.0", "job.1.0[1]", "job.1.0[2]"),
        "job.1.0",
    ]
