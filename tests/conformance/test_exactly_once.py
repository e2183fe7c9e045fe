"""A worker killed between qsub and the record of it: as many jobs as rows in PBS, by their exact names."""

import pytest

from tests.cluster.killed_workers import killed_submissions
from tests.ordinary import open_folder, own
from tests.pbs.fake_pbs import install
from tests.pbs.fake_server import State

CONFIGURATION = """
[demo]
scheduler = "pbs"
home = "{home}"
path = "{path}"
python = "/bin/true"
"""


@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.long)])
def test_killed_between_qsub_and_record(request: pytest.FixtureRequest, count: int) -> None:
    with open_folder(request, "hpc-gateway-pbs-") as folder:
        own(folder)
        path = f"{install(folder)}:/usr/bin:/bin"
        infrastructures = folder / "pbs.toml"
        infrastructures.write_text(CONFIGURATION.format(home=folder / "stack" / "cluster", path=path))
        recorded = killed_submissions(infrastructures, folder, path, count)
        jobs = {job["record"]["Job_Name"]: number for number, job in State(folder / "pbs").jobs().items()}
        assert len(State(folder / "pbs").jobs()) == count
        assert recorded == jobs
