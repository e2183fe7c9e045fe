"""The home of a cluster whose jobs run a small kernel, and a queue that outlives its submitter."""

from pathlib import Path

import pytest

from tests import running_jobs
from tests.integration.jobs.sweep_queue import Arrays
from workers import sweep_submission


@pytest.fixture
def home(database: object, tmp_path: Path) -> Path:
    home = running_jobs.use_kernel(tmp_path)
    (home / running_jobs.DATA).mkdir(parents=True)
    return home


@pytest.fixture
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arrays:
    made = Arrays(tmp_path / "queue")
    monkeypatch.setattr(sweep_submission, "open_scheduler", lambda _: made)
    return made
