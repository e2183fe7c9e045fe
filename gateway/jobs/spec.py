"""The job spec: the kernels' `job.json`, and one run as the scheduler gets it and is asked about it."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gateway.clusters.configuration import Cluster
from gateway.jobs.folders import OUTPUT, JobFolders, control_folder, output_folder
from gateway.jobs.resources import scheduler_resources
from gateway.models import Job, JobMember
from gateway.schedulers.base import JobSpec, Launcher, SubmittedJob

Params = dict[str, Any]
JOB_FILE = "job.json"
CACHE = "cache"  # of the kernels' machine code, below the control area
COLUMNAR = frozenset({"parquet", "arrow"})  # `csv_output` says which of the other formats
LAUNCHERS: dict[str, Launcher] = {"local": "processes", "slurm": "srun", "pbs": "hosts"}


@dataclass(frozen=True)
class PreparedJob:
    """One attempt of a job, ready to be written to the cluster and submitted."""

    spec: JobSpec
    job_file: PurePosixPath
    job_json: str


def prepare(job: Job, cluster: Cluster, folders: JobFolders) -> PreparedJob:
    """Return the job spec of the job's run, whose folders are there."""
    folder = control_folder(job)
    spec = job_spec(job, cluster, job.name, Path(folder))
    return PreparedJob(spec, folder / JOB_FILE, json.dumps(_job_json(job, folders), indent=1))


def job_spec(job: Job, cluster: Cluster, name: str, folder: Path, array_size: int = 1) -> JobSpec:
    """Return the spec of a run, or of an array of members, with this name and control folder."""
    threads = str(job.params["num_thread"])
    return JobSpec(
        name=name,
        folder=folder,
        command=(cluster.python, "-I", "-m", "hpc_kernels", "run", str(folder / JOB_FILE)),
        ranks=job.params["num_mpi_procs"],
        threads=job.params["num_thread"],
        launcher=LAUNCHERS[cluster.scheduler],
        environment={
            "HOME": str(cluster.home),
            "HPC_KERNELS_CACHE": str(cluster.control / CACHE),
            "OMP_NUM_THREADS": threads,
        },
        resources=scheduler_resources(job.resources, job.params["num_numa"] * job.params["num_core_numa"]),
        mpi=cluster.mpi,
        array_size=array_size,
    )


def submitted_job(job: Job) -> SubmittedJob:
    """Return the job's run as the scheduler is asked about it after its submission."""
    return SubmittedJob(job.name, job.scheduler_id, Path(control_folder(job)), job.created_at)


def _job_json(job: Job, folders: JobFolders, changed: Params | None = None) -> dict[str, object]:
    params, services = job.params if changed is None else changed, job.services.split()
    knn = "knn" in services
    return {
        "version": 1,
        "name": job.name,
        "services": {service: params[service] for service in services},
        "layout": "sensor_table" if params["ideko_kernel"] else "asset_pairs",
        "input": str(folders.input),
        "output_dir": str(output_folder(job)),
        "publish_dir": str(folders.data / OUTPUT),
        "csv_output": params.get("output_format") != "npy" and bool(params["csv_output"]),
        "threads": params["num_thread"],
        "perforation_stride": params["perforation_stride"],
        "precision_scenario": params["precision_scenario"],
        "profile": str(folders.profile / f"{job.name}.json") if params["benchmark_state"] else None,
        "inference_dir": str(folders.inference) if knn else None,
        "labels": str(folders.labels) if knn else None,
    } | _additions(params)


def member_json(job: Job, member: JobMember, folders: JobFolders, output: PurePosixPath) -> str:
    """Return the job file of a member, which publishes nothing; `folders` are those of its parameters."""
    params = job.params | member.changes
    own = _job_json(job, folders, params) | {
        "name": f"{job.name}.{member.number:04d}",
        "output_dir": str(output),
        "publish_dir": None,
    }
    if own["profile"]:
        own["profile"] = str(folders.profile / f"{own['name']}.json")
    return json.dumps(own, indent=1)


def _additions(params: dict[str, Any]) -> dict[str, object]:
    """Return the keys that kernels of an earlier version do not know, where the job needs them."""
    table, form = params.get("table"), params.get("output_format")
    needed = {"output_format": form if form in COLUMNAR else None, "table": table}
    return {key: value for key, value in needed.items() if value is not None}
