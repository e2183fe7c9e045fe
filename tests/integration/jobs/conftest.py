"""The home of a cluster whose jobs run a small kernel, and a queue that outlives its submitter."""

from pathlib import Path

import pytest

from tests import running_jobs


@pytest.fixture
def home(database: object, tmp_path: Path) -> Path:
    home = running_jobs.use_kernel(tmp_path)
    (home / running_jobs.DATA).mkdir(parents=True)
    return home
