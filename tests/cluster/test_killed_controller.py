"""slurmctld is killed just after submissions: each row ends right, none waits for ever, none runs twice."""

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gateway.jobs.watch import UNSTARTED
from gateway.schedulers import batch_script
from gateway.schedulers.attempt_record import Start, read_exit, read_start
from gateway.schedulers.slurm.states import ENDED_BY_SLURM
from tests.client import Client, Status
from tests.cluster.slurm_cluster import SlurmCluster, place_long_input, service_on
from tests.jobs import attempts
from tests.polling import until

AFTERWARDS_S = 240.0


@pytest.fixture(scope="module")
def slurm(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    made = replace(cluster, run=tmp_path_factory.mktemp("killed"), base_port=cluster.base_port + 30)
    made.act("start")
    yield made
    made.act("stop")


@pytest.fixture(scope="module")
def client(slurm: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with service_on(slurm, tmp_path_factory.mktemp("service")) as connected:
        yield connected


@pytest.fixture(scope="module")
def small(client: Client) -> str:
    """Place an input, and have the kernels compiled before anything is killed."""
    placed = client.place("small.csv", b"a;b\n1;2\n3;4\n5;6\n")
    assert client.finished(client.compute(["fft"], placed, num_mpi_procs=1))["success"]
    return placed


def end_controller(slurm: SlurmCluster, number: signal.Signals = signal.SIGKILL) -> None:
    controller = psutil.Process(int((slurm.run / "slurmctld.pid").read_text()))
    controller.send_signal(number)
    until("slurmctld is gone", lambda: not psutil.pid_exists(controller.pid))


def start_controller(slurm: SlurmCluster) -> None:
    slurm.act("controller")
    until("slurmctld answers", lambda: " is UP" in slurm.command("scontrol", "ping", check=False))


@contextmanager
def forgotten_by_slurm(slurm: SlurmCluster, folder: Path) -> Iterator[None]:
    """Have slurmctld killed after the block, and come back with the state that it had before."""
    state, saved = slurm.run / "state", folder / "state"
    end_controller(slurm, signal.SIGTERM)  # it saves its state
    shutil.copytree(state, saved)
    start_controller(slurm)
    yield
    end_controller(slurm)
    shutil.rmtree(state)
    shutil.move(saved, state)
    start_controller(slurm)


def cancel(client: Client, job: Status) -> None:
    """Request a cancel; the job may have ended."""
    assert client.http.post(f"/job/{job['id']}/cancel").status_code in {200, 409}


def reasons(client: Client, job: Status) -> list[str]:
    events: list[Status] = client.http.get(f"/job/{job['id']}/events").json()
    return [event["reason"] for event in events]


def end_of(client: Client, slurm: SlurmCluster, job: Status) -> Status:
    return _end(client, slurm, f"/job/{job['id']}")


def _end(client: Client, slurm: SlurmCluster, url: str) -> Status:
    """Wait for the end, and resume the nodes that Slurm drained because of an id that it gave twice."""

    def ended() -> Status | None:
        for node in slurm.command("sinfo", "-hN", "-t", "drain", "-o", "%N", check=False).split():
            slurm.resume(node)
        status = client.get(url)
        return status if status["status"] == "completed" else None

    return until(f"{url} has ended", ended, AFTERWARDS_S, period_s=0.5)


def assert_ran_once(client: Client, job: Status, ended: Status) -> None:
    """Each run that ends well appends its figures to the log of its folder, and there is one folder."""
    [folder] = attempts(client, job)
    log = folder / "stdout.log"
    figures = log.read_text().count('"usage"') if log.exists() else 0
    assert figures == 1 if ended["state"] == "succeeded" else figures <= 1


def assert_lost(client: Client, job: Status, ended: Status) -> None:
    """A job that a signal or srun itself ended after its start is lost, neither cancelled nor failed."""
    assert ended["state"] == "lost", (ended["state"], ended["reason"], reasons(client, job))
    assert "no exit file" in ended["reason"] or ended["reason"] == ENDED_BY_SLURM, ended
    [folder] = attempts(client, job)
    end = read_exit(folder)
    assert read_start(folder) is not None
    no_rank_has_failed = not (folder / batch_script.FIRST_FAILURE).exists()
    assert end is None or end.signal is not None or end.exit_code > 128 or no_rank_has_failed, ended


def test_jobs_that_slurmctld_forgot_before_their_start(
    client: Client, slurm: SlurmCluster, small: str, tmp_path: Path
) -> None:
    with forgotten_by_slurm(slurm, tmp_path):
        slurm.command("scontrol", "update", "PartitionName=debug", "State=DOWN")
        jobs = [client.compute(["fft"], small, num_mpi_procs=1) for _ in range(3)]
        for job in jobs:
            client.reaches("/job", job, {"pending"})
        slurm.kill("slurmctld", signal.SIGSTOP)
        cancel(client, jobs[0])
    slurm.command("scontrol", "update", "PartitionName=debug", "State=UP")
    cancelled, *others = [end_of(client, slurm, job) for job in jobs]
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "cancelled on request")
    assert [other["state"] for other in others] == ["succeeded"] * 2
    assert all(UNSTARTED in reasons(client, job) for job in jobs[1:])
    for job, ended in zip(jobs[1:], others, strict=True):
        assert_ran_once(client, job, ended)


def start_of(client: Client, job: Status) -> Start:
    def started() -> Start | None:
        return next((start for folder in attempts(client, job) if (start := read_start(folder))), None)

    return until("the job has started", started, period_s=0.005)


def test_an_id_that_slurm_gives_again_while_its_first_job_runs(
    client: Client, slurm: SlurmCluster, small: str, tmp_path: Path
) -> None:
    """The only node refuses the second job, slurmctld cancels it, and the first one with it."""
    long_input = place_long_input(client)
    with forgotten_by_slurm(slurm, tmp_path):
        first = client.compute(["kmean"], long_input, num_mpi_procs=1)
        start = start_of(client, first)
        script = psutil.Process(start.pid)
        held = [script, *script.children(recursive=True), *script.parents()[:1]]
        for process in held:
            process.suspend()
        client.reaches("/job", first, {"running"})
    slurm.command("scontrol", "update", "NodeName=n[2-4]", "State=DRAIN", "Reason=test")
    try:
        second = client.compute(["fft"], small, num_mpi_procs=1)
        until("Slurm gave the id again", lambda: "Duplicate" in slurm.command("sinfo", "-hRo", "%E"), 120)
        assert client.get(f"/job/{second['id']}")["state"] not in {"cancelled", "failed"}
    finally:
        for process in held:
            if process.is_running():
                process.resume()
    ended = end_of(client, slurm, second)
    assert (ended["state"], ended["reason"]) == ("succeeded", "")
    assert_ran_once(client, second, ended)
    ended = end_of(client, slurm, first)
    assert_ran_once(client, first, ended)
    if ended["state"] != "succeeded":  # its ranks may have ended before Slurm ended the script
        assert_lost(client, first, ended)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.long)])
def test_kills_within_a_second_of_the_submissions(
    client: Client, slurm: SlurmCluster, small: str, kills: int
) -> None:
    jobs, cancelled = list[Status](), list[Status]()
    for number in range(kills):
        made = [client.compute(["fft"], small, num_mpi_procs=1) for _ in range(4)]
        name = f"{made[0]['id']}.1"
        until("Slurm has the job", lambda name=name: name in slurm.names())  # type: ignore[misc]
        time.sleep(number / kills)
        end_controller(slurm)
        cancel(client, made[-1])
        start_controller(slurm)
        jobs += made[:-1]
        cancelled += made[-1:]
    for job in jobs:
        ended = end_of(client, slurm, job)
        assert_ran_once(client, job, ended)
        if ended["state"] != "succeeded":
            assert_lost(client, job, ended)
    for job in cancelled:
        ended = end_of(client, slurm, job)
        assert ended["state"] in {"succeeded", "cancelled"}, ended


def start_workflow(client: Client, path: str, members: int) -> Status:
    """Start two jobs in a row on a file of the cluster, the second of them a sweep."""
    options = {"params": {"num_mpi_procs": 1}, "watch_period": 1}
    jobs = [{"name": "scale", "services": ["min_max"]}, {"name": "swept", "services": ["fft"]}]
    body = {
        "infrastructure": "demo",
        "input": {"path": path},
        "jobs": [jobs[0] | options, jobs[1] | options | {"input_from": "scale"}],
        "sweep": {"job": "swept", "params": [{"perforation_stride": 1 + k} for k in range(members)]},
    }
    return client.post("/workflow", body)


def end_of_workflow(client: Client, slurm: SlurmCluster, workflow: Status) -> Status:
    """Wait for the end; steps that a signal has ended are lost, and a retry runs them alone again."""
    url = f"/workflow/{workflow['id']}"
    status = _end(client, slurm, url)
    if not status["success"]:
        assert status["fault"] in {"lost", "kernel"}, status["reason"]
        assert client.http.post(f"{url}/retry").status_code == 200
        status = _end(client, slurm, url)
    return status


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_workflows_and_sweeps_survive_kills_of_slurmctld(
    client: Client, slurm: SlurmCluster, small: str
) -> None:
    flows = [start_workflow(client, small, 8) for _ in range(3)]
    for flow in flows[:2]:
        until("its sweep is in Slurm", lambda flow=flow: has_array(client, slurm, flow), 120)  # type: ignore[misc]
        end_controller(slurm)
        start_controller(slurm)
    for flow in flows:
        ended = end_of_workflow(client, slurm, flow)
        assert (ended["state"], ended["reason"]) == ("succeeded", "")
        members = client.get(f"/workflow/{flow['id']}/members")["items"]
        assert [member["state"] for member in members] == ["succeeded"] * 8
        assert len({member["outputs"][0]["path"] for member in members}) == 8
        for step in ended["steps"]:
            logs = [log for run in attempts(client, step) for log in run.glob("**/stdout.log")]
            assert all(log.read_text().count('"usage"') <= 1 for log in logs), "each run has one start"


def has_array(client: Client, slurm: SlurmCluster, workflow: Status) -> bool:
    """Tell whether Slurm has had the workflow's sweep."""
    step = client.get(f"/workflow/{workflow['id']}")["steps"][1]
    return any(name.startswith(f"{step['id']}.") for name in slurm.names())
