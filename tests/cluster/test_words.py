"""Words about refused and waiting jobs on the real Slurm: the value, the cause and the remedy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import SchedulerError
from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.scheduler import SlurmScheduler
from tests.cluster.slurm_cluster import SITE_ONLY, SlurmCluster
from tests.ordinary import own
from tests.polling import until

Submit = Callable[..., str]


@pytest.fixture
def submit(scheduler: SlurmScheduler, cluster: SlurmCluster, tmp_path: Path) -> Iterator[Submit]:
    """Return a function that submits a job and returns its name; end all jobs afterwards."""

    def submit_one(name: str = "job", ranks: int = 1, **resources: object) -> str:
        folder = tmp_path / f"{tmp_path.name}-{name}.1"
        folder.mkdir()
        own(folder)
        asked = Resources(**resources)  # type: ignore[arg-type]
        scheduler.submit(JobSpec(folder.name, folder, ("/bin/sleep", "60"), ranks, 1, "srun", {}, asked))
        return folder.name

    yield submit_one
    cluster.empty()


def test_a_refused_partition_is_named(submit: Submit) -> None:
    with pytest.raises(
        SchedulerError, match=r"the cluster has no partition 'nowhere': .*resources\.partition"
    ):
        submit(partition="nowhere")


def test_more_processors_than_there_are(submit: Submit) -> None:
    with pytest.raises(SchedulerError, match="offer 99 x 1 CPUs: use fewer ranks"):
        submit(ranks=99)


@SITE_ONLY
@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"account": "nowhere"}, "account 'nowhere' is not one that this cluster account may use"),
        ({"qos": "nowhere"}, "quality of service 'nowhere' is not known"),
        ({"qos": "short", "time_limit_s": 3600}, "quality of service 'short' .* a time limit of 3600 s"),
    ],
)
def test_a_refused_account_and_its_limits_are_named(
    submit: Submit, resources: dict[str, object], words: str
) -> None:
    with pytest.raises(SchedulerError, match=words):
        submit(**resources)


@SITE_ONLY
@pytest.mark.parametrize(
    ("ranks", "resources", "words"),
    [
        (4, {"account": "guests"}, "more CPUs than its Slurm account allows for one job"),
        (1, {"account": "guests", "time_limit_s": 36_000}, "more time than its Slurm account allows"),
        (4, {"qos": "narrow"}, "more CPUs than its quality of service allows for one job"),
        (1, {"qos": "wide"}, "less than the CPUs that its quality of service demands"),
        (1, {"partition": "thin", "memory_per_cpu_bytes": 600 << 20}, "more memory on a node or processor"),
        (1, {"partition": "thin", "time_limit_s": 36_000}, "more time than its partition allows"),
    ],
)
def test_a_limit_that_waiting_never_lifts(
    submit: Submit, scheduler: SlurmScheduler, ranks: int, resources: dict[str, object], words: str
) -> None:
    name = submit(ranks=ranks, **resources)
    until("Slurm has looked at it", lambda: "has not looked" not in scheduler.jobs()[name].reason)
    said = scheduler.jobs()[name].reason
    assert words in said
    assert "waiting does not help: cancel it and " in said
    assert "expects to start" not in said


def test_a_held_job_is_not_expected_to_start(
    submit: Submit, scheduler: SlurmScheduler, cluster: SlurmCluster
) -> None:
    submit("blocker", ranks=16, time_limit_s=600)
    first, held = submit("first", ranks=16, time_limit_s=600), submit("held", ranks=16)
    until("Slurm expects a start", lambda: "expects to start" in scheduler.jobs()[first].reason)
    cluster.command(
        "scontrol", "hold", scheduler.jobs()[first].scheduler_id, scheduler.jobs()[held].scheduler_id
    )
    for name in (first, held):
        said = scheduler.jobs()[name].reason
        assert said.startswith("waiting: it is held")
        assert "expects to start" not in said
        assert "ahead" not in said
