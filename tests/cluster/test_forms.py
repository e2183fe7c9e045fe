"""The forms of the cluster: limits that bite, and nothing left behind."""

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.cluster.slurm_cluster import SITE_ONLY, USER, SlurmCluster
from tests.polling import until

CGROUPS = Path("/sys/fs/cgroup")
GREEDY = "python3 -c 'bytearray(700 << 20); import time; time.sleep(30)'"


def run(cluster: SlurmCluster, folder: Path, work: str, *options: str) -> str:
    """Run work as the ordinary account, and return state and exit code of the job in slurmdbd."""
    command = ("sbatch", f"--uid={USER}", "--parsable", "--wait", f"--chdir={folder}", *options)
    number = cluster.command(*command, f"--wrap={work}", check=False).strip()
    words = (
        "sacct",
        "--noheader",
        "--parsable2",
        "--allocations",
        f"--jobs={number}",
        "--format=state,exitcode",
    )
    return until("slurmdbd knows the end", lambda: ended(cluster.command(*words)))


def ended(line: str) -> str:
    return "" if line.startswith(("PENDING", "RUNNING")) else line.strip()


@SITE_ONLY
def test_a_cgroup_kills_what_takes_more_memory(cluster: SlurmCluster, tmp_path: Path) -> None:
    assert run(cluster, tmp_path, f"exec {GREEDY}") == "OUT_OF_MEMORY|0:125"
    assert run(cluster, tmp_path, "true") == "COMPLETED|0:0"


@SITE_ONLY
def test_limits_of_associations_and_qos(cluster: SlurmCluster, tmp_path: Path) -> None:
    submit = ("sbatch", f"--uid={USER}", "--parsable", f"--chdir={tmp_path}", "--wrap=true")
    kinds = {
        "AssocMaxCpuPerJobLimit": ("--account=guests", "--ntasks=3"),
        "QOSMaxCpuPerJobLimit": ("--qos=narrow", "--ntasks=3"),
        "QOSMinCpuNotSatisfied": ("--qos=wide", "--ntasks=3"),
        "MaxMemPerLimit": ("--partition=thin", "--mem=600"),
    }
    ids = {reason: cluster.command(*submit, *options).strip() for reason, options in kinds.items()}
    for reason, number in ids.items():
        told = ("squeue", "--noheader", f"--jobs={number}", "--format=%r")
        until(reason, lambda told=told, reason=reason: cluster.command(*told).strip() == reason)  # type: ignore[misc]
    cluster.command("scancel", *ids.values())
    assert cluster.command(*submit, "--qos=short", "--time=30", check=False) == ""
    assert cluster.command(*submit, "--account=nobodys", check=False) == ""


def test_a_stopped_cluster_leaves_nothing(
    cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run, port = tmp_path_factory.mktemp("other"), cluster.base_port + 100
    other = replace(cluster, run=run, base_port=port, memory_kill="poll")
    other.act("start")
    submit = (
        "sbatch",
        f"--uid={USER}",
        "--parsable",
        f"--chdir={run}",
        "--nodes=2",
        "--wrap=srun sleep 1000",
    )
    number = other.command(*submit).strip()
    until("the step runs", lambda: other.command("squeue", "--noheader", "--steps", f"--jobs={number}"))
    other.act("stop")
    assert [p for p in psutil.process_iter(["environ"]) if str(run) in str(p.info["environ"])] == []
    assert list(CGROUPS.glob(f"**/job_{number}")) == []
