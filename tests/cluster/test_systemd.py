"""The units of deploy/systemd in a real systemd: a job through the API and Slurm, and an orderly end."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.encryption import new_key
from hpc_gateway_commands.demo.services import LOOPBACK, free_ports
from tests.cluster.slurm_cluster import SlurmCluster, configure
from tests.ordinary import ROOT, as_account, needed_folders, ordinary_account, own
from tests.polling import until
from tests.services import valkey
from tests.systemd import Systemd, copy_etc, systemd

ACCOUNT = "hpc-gateway"
UNITS = ("hpc-gateway-api", "hpc-gateway-beat", "hpc-gateway-housekeeping", "hpc-gateway-worker@demo")
SETTINGS = """
GATEWAY_DATABASE_URL=sqlite:////var/lib/hpc-gateway/gateway.db
GATEWAY_REDIS_URL={queue}
GATEWAY_INFRASTRUCTURES=/etc/hpc-gateway/infrastructures.toml
GATEWAY_CREDENTIALS_KEY_FILE=/etc/hpc-gateway/credentials.key
"""
# Only in the tests do interpreter, Slurm and data lie below homes and temporary folders.
DROP_IN = """
[Service]
ProtectHome=tmpfs
BindReadOnlyPaths={programs}
BindPaths={data}
StandardError=append:{log}
"""
BODY = {
    "services": ["fft"],
    "infrastructure": "demo",
    "params": {"read_input_data": "/bad.csv", "num_mpi_procs": 1},
    "watch_period": 1,
}


@pytest.fixture
def machine(cluster: SlurmCluster, tmp_path: Path) -> Iterator[tuple[Systemd, httpx.Client]]:
    """Install the units on a machine of the test's own, and start them."""
    account = ordinary_account()
    if account is None:
        pytest.skip("units start as another account: run this as root")
    for part in ("lib/hpc-gateway", "opt/hpc-gateway"):
        (tmp_path / part).mkdir(parents=True)
    own(tmp_path / "lib" / "hpc-gateway")
    [port] = free_ports(1)
    units = install_units(cluster, tmp_path, port)
    with valkey(tmp_path) as queue:
        etc = copy_etc(tmp_path, ACCOUNT, account.uid) / "hpc-gateway"
        written(etc / "gateway.env", SETTINGS.format(queue=queue.url))
        written(etc / "credentials.key", new_key())
        written(etc / "infrastructures.toml", configure(cluster, tmp_path).read_text())
        for path in (home := tmp_path / "stack" / "cluster", home / "serrano", home / "serrano" / "data"):
            path.mkdir(parents=True)
            own(path)
        (home / "serrano" / "data" / "bad.csv").write_text("a\n1\nx\n")
        migrate(tmp_path / "lib" / "hpc-gateway" / "gateway.db")
        with (
            systemd(tmp_path, units, Path(sys.prefix)) as system,
            httpx.Client(base_url=f"http://{LOOPBACK}:{port}") as http,
        ):
            system.call("start", *UNITS)
            yield system, http


def install_units(cluster: SlurmCluster, folder: Path, port: int) -> Path:
    """Copy the units, with a free port and a drop-in for the places of the tests."""
    units = folder / "units"
    shutil.copytree(ROOT / "deploy" / "systemd", units)
    api = units / "hpc-gateway-api.service"
    api.write_text(api.read_text().replace("8080", str(port)))
    slurm = [cluster.prefix, *(path.resolve() for path in cluster.prefix.iterdir() if path.is_symlink())]
    (units / "hpc-gateway-.service.d" / "tests.conf").write_text(
        DROP_IN.format(
            programs=" ".join(map(str, sorted({*needed_folders(), *slurm}))),
            data=f"{folder} {cluster.run}",
            log=folder / "units.log",
        )
    )
    return units


def written(path: Path, text: str) -> Path:
    """Write a file of the account."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    own(path)
    return path


def migrate(file: Path) -> None:
    argv = as_account(sys.executable, "-P", "-m", "hpc_gateway_client", "migrate")
    env = {"GATEWAY_DATABASE_URL": f"sqlite:///{file}", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    subprocess.run(argv, env=env, cwd="/", check=True)


def answers(http: httpx.Client, url: str) -> dict[str, Any] | None:
    try:
        answer = http.get(url)
    except httpx.HTTPError:
        return None
    return answer.json() if answer.is_success else None


@pytest.mark.parametrize("cluster", ["plain"], indirect=True)
def test_a_job_through_the_units(machine: tuple[Systemd, httpx.Client]) -> None:
    system, http = machine
    until("the API is ready", lambda: answers(http, "/health/ready"))
    job = http.post("/job", json=BODY).raise_for_status().json()
    ended = until(
        "the job has ended",
        lambda: (row := answers(http, f"/job/{job['id']}")) and row["status"] == "completed" and row,
    )
    assert (ended["state"], ended["exit_code"]) == ("failed", 2), ended
    assert "bad.csv" in ended["reason"]
    for unit in UNITS:
        state = system.show(unit)
        assert (state["ActiveState"], state["NRestarts"]) == ("active", "0"), unit
        rights = system.rights(unit)
        assert (rights["NoNewPrivs"], rights["Seccomp"], int(rights["CapBnd"], 16)) == ("1", "2", 0), unit
        assert "0" not in rights["Uid"].split(), unit
    system.call("stop", *UNITS)
    assert {(state := system.show(unit))["ActiveState"]: state["Result"] for unit in UNITS} == {
        "inactive": "success"
    }
