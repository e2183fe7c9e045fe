"""A local scheduler of two CPUs for each test."""

from pathlib import Path

import pytest

from gateway.schedulers.local.scheduler import LocalScheduler


@pytest.fixture
def scheduler(tmp_path: Path) -> LocalScheduler:
    return LocalScheduler(tmp_path / "spool", cpus=2)
