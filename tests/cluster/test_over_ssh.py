"""A cluster that is added over REST and reached by SSH alone: the workflow of the first generation on it."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
import pytest

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from tests.client import Client, client_of, recording
from tests.cluster.conftest import OpenFolders
from tests.cluster.slurm_cluster import SlurmCluster
from tests.machine_code import give_machine_code
from tests.ordinary import ordinary_account
from tests.polling import until
from tests.sshd import ORDINARY, Sshd

pytestmark = pytest.mark.parametrize("cluster", ["plain"], indirect=True)

KEYS = """
[lab]
file = "id"
hosts = ["127.0.0.1:{port}"]
usernames = ["{account}"]
home = "{home}"
python = [".*/kernels/bin/python"]
"""


@pytest.fixture(scope="session")
def keys(sshd: Sshd, tmp_path_factory: OpenFolders) -> Path:
    """Return the operator's folder of keys."""
    folder = tmp_path_factory.mktemp("keys")
    shutil.copy(sshd.key, folder / "id")
    return folder


@pytest.fixture(scope="session")
def remote(cluster: SlurmCluster, sshd: Sshd, keys: Path, tmp_path_factory: OpenFolders) -> Iterator[Client]:
    """Run the service with a worker that serves only clusters of the database, and add one."""
    folder = tmp_path_factory.mktemp("remote") / "stack"
    (keys / "infrastructures.toml").write_text("")
    (keys / "keys.toml").write_text(KEYS.format(port=sshd.port, account=ORDINARY, home=folder / "cluster"))
    settings = {
        "GATEWAY_INFRASTRUCTURES": str(keys / "infrastructures.toml"),
        "GATEWAY_SSH_KEYS": str(keys),
        "GATEWAY_SSH_HOSTS": f"127.0.0.1:{sshd.port}",
        "GATEWAY_REMOTE_WITHOUT_ACCOUNTS": "true",
        "HOME": str(folder.parent),
    }
    account = ordinary_account()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "start_worker", _start_remote_worker)
        with (
            running_stack(folder, print, flower=False, settings=settings, account=account) as stack,
            client_of(stack) as client,
        ):
            stack.own(keys)
            give_machine_code(stack, cluster.kernels_python)
            _close(stack.home)
            client.post("/infrastructure", entry(cluster, sshd))
            yield client


def _start_remote_worker(stack: Stack) -> None:
    words = ("-P", "-m", "hpc_gateway_client", "worker", "--remote", "--housekeeping")
    stack.start("worker", [sys.executable, *words])


def _close(home: Path) -> None:
    """Give the home to the account of the cluster alone: the service reaches it by SSH or not at all."""
    for each in (home, *home.rglob("*")):
        shutil.chown(each, ORDINARY)
    home.chmod(0o700)
    home.parent.chmod(0o711)


def entry(cluster: SlurmCluster, sshd: Sshd) -> dict[str, object]:
    return {
        "name": INFRASTRUCTURE,
        "host": "127.0.0.1",
        "port": sshd.port,
        "host_key": sshd.host_key,
        "username": ORDINARY,
        "hostname": "login",
        "scheduler": "slurm",
        "python": str(cluster.kernels_python),
        "ssh_key": {"type": "ssh-ed25519", "path": "lab", "password": ""},
    }


def test_the_workflow_of_the_first_generation(remote: Client) -> None:
    assert "reason" not in remote.get(f"/infrastructure/{INFRASTRUCTURE}")
    remote.put("recording.csv", recording())
    staged = remote.moved("/s3_data", remote.stage_in("recording.csv", "serrano/data/Init_Data/r.csv"))
    assert (staged["status"], staged["reason"]) == ("completed", "")
    assert remote.file("serrano/data/Init_Data/r.csv").read_bytes() == recording()
    job = remote.finished(remote.compute(["fft"], "/Init_Data/r.csv", num_mpi_procs=2))
    assert (job["state"], job["reason"]) == ("succeeded", "")
    log = remote.get(f"/job/{job['id']}/log?stream=stderr")
    assert log["text"] == ""
    sent = remote.moved(
        "/s3_result", remote.stage_out("serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv", "f.csv")
    )
    assert (sent["status"], sent["reason"]) == ("completed", "")
    assert remote.stored("f.csv") == remote.file(job["outputs"][0]["path"]).read_bytes()


def test_failures_and_telemetry_have_words(remote: Client) -> None:
    job = remote.finished(remote.compute(["fft"], remote.place("bad.csv", b"a\n1\nx\n"), num_mpi_procs=2))
    assert (job["state"], job["exit_code"]) == ("failed", 2)
    assert "bad.csv" in job["reason"]
    telemetry = remote.get(f"/infrastructure/{INFRASTRUCTURE}/telemetry")
    figures = {each["name"]: each for each in telemetry["partitions"]}
    assert (figures["debug"]["total_nodes"], figures["debug"]["total_cpus"]) == (4, 16)


def test_a_killed_connection_loses_nothing(remote: Client, sshd: Sshd, cluster: SlurmCluster) -> None:
    jobs = [remote.compute(["fft"], "/Init_Data/r.csv", num_mpi_procs=1) for _ in range(4)]
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGKILL)
    ended = [remote.finished(job, 180) for job in jobs]
    assert [(job["state"], job["reason"]) for job in ended] == [("succeeded", "")] * len(jobs)
    names = cluster.names()
    assert [sum(name.startswith(job["id"]) for name in names) for job in jobs] == [1] * len(jobs)


def test_a_changed_entry_is_served_and_a_deleted_one_is_not(
    remote: Client, cluster: SlurmCluster, sshd: Sshd
) -> None:
    log = remote.stack.folder / "logs" / "worker.log"
    until("it is served", lambda: "it is served" in log.read_text())
    answer = remote.post("/infrastructure", entry(cluster, sshd) | {"host_key": ""})
    assert "the host key of 127.0.0.1 is not known" in answer["reason"]
    until("it is no longer served", lambda: "its processes are stopped" in log.read_text())
    remote.post("/infrastructure", entry(cluster, sshd))
    placed = remote.place("again.csv", recording())
    job = remote.finished(remote.compute(["min_max"], placed, num_mpi_procs=1), 120)
    assert job["state"] == "succeeded"
    assert remote.http.delete(f"/infrastructure/{INFRASTRUCTURE}").status_code == 204
    assert remote.http.get(f"/infrastructure/{INFRASTRUCTURE}").status_code == 404


HOSTILE = ("a\nb 1 2", '"}],"jobs":[]', "\x1b[2J$(touch pwned)`id`", "%s|%n' ;--", "ü" * 200)


def test_texts_of_other_users_of_the_cluster_are_data(
    remote: Client, cluster: SlurmCluster, sshd: Sshd
) -> None:
    """Names, comments and a job with exactly our name change no report; a name of a file is no command."""
    remote.post("/infrastructure", entry(cluster, sshd))
    words = ("-D", "/tmp", "-o", "/dev/null", "-p", "debug")  # noqa: S108
    for text in HOSTILE:
        for account in ("root", ORDINARY):
            given = (f"--uid={account}", "-J", text, "--comment", text, "--wrap", "sleep 60")
            cluster.command("sbatch", *words, *given)
    job = remote.compute(
        ["fft"], remote.place("$(touch pwned);'x\" `id` ü.csv", recording()), num_mpi_procs=1
    )
    twin = cluster.command("sbatch", "--parsable", *words, "-J", f"{job['id']}.1", "--wrap", "exit 7").strip()
    end = remote.finished(job)
    assert (end["state"], end["reason"]) == ("succeeded", "")
    assert end["scheduler_id"] != twin
    assert [path for path in remote.stack.home.rglob("*") if path.name.startswith("pwned")] == []
    figures = remote.get(f"/infrastructure/{INFRASTRUCTURE}/telemetry")["partitions"]
    assert "debug" in {each["name"] for each in figures}
    for account in ("root", ORDINARY):
        cluster.command("scancel", "--user", account)


KILLS = 50


def _kill_session(sshd: Sshd, _remote: Client, number: signal.Signals) -> None:
    for pid in sshd.sessions():
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill_submitter(_sshd: Sshd, remote: Client, number: signal.Signals) -> None:
    """Kill the pool processes of the worker that submits."""
    for process in psutil.Process(remote.stack.parts.pid("worker")).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            parent = process.parent()
            pair = (process.name(), parent.name() if parent else "")
            if all(name.startswith("worker demo.sh") for name in pair):
                process.send_signal(number)


@pytest.mark.long
def test_kills_at_any_moment_neither_lose_nor_double_a_job(
    remote: Client, sshd: Sshd, cluster: SlurmCluster
) -> None:
    remote.post("/infrastructure", entry(cluster, sshd))
    chance = Random(1)  # noqa: S311  moments, no secrets
    placed = remote.place("kills.csv", recording())
    ways = (
        (_kill_session, signal.SIGKILL),
        (_kill_session, signal.SIGSTOP),
        (_kill_submitter, signal.SIGKILL),
    )
    frozen: list[int] = []
    jobs = []
    for number in range(KILLS):
        jobs.append(remote.compute(["min_max"], placed, num_mpi_procs=1))
        time.sleep(chance.uniform(0, 0.6))
        kill, how = ways[number % len(ways)]
        frozen += sshd.sessions() if how is signal.SIGSTOP else []
        kill(sshd, remote, how)
    try:
        ends = [remote.finished(job, 600) for job in jobs]
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert {end["state"] for end in ends} == {"succeeded"}, [end["reason"] for end in ends]
    names = cluster.names()
    assert [sum(name.startswith(job["id"]) for name in names) for job in jobs] == [1] * len(jobs)
