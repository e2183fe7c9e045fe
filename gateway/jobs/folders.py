"""The folders of a job: those of its runs, and those that it reads."""

from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from gateway.clusters.owner_roots import OwnerRoots
from gateway.clusters.paths import join_below
from gateway.models import Job, JobMember

OUTPUT = PurePosixPath("Output_Data")  # the spelling is part of the contract
_RUNS = PurePosixPath("jobs")
JOBS = OUTPUT / _RUNS


def output_folder(job: Job, run: int | None = None) -> PurePosixPath:
    """Return the folder into which the kernels of the run write, and no other job does."""
    return PurePosixPath(job.data_folder) / JOBS / f"{job.id}.{run or job.run}"


def output_name(member: JobMember) -> str:
    """Return the name of a member's folder among the outputs of its run, and among the results of a sweep."""
    return f"{member.number:04d}"


def control_folder(job: Job) -> PurePosixPath:
    """Return the folder of all that script, scheduler and gateway write of the run; no client reaches it."""
    if in_one_folder(job):
        return output_folder(job)
    return control_path(PurePosixPath(job.control_root), job, job.run)


def control_path(control: PurePosixPath, job: Job, run: int) -> PurePosixPath:
    """Return the control folder of a run below the cluster's control area."""
    return control / _RUNS / f"{job.id}.{run}"


def in_one_folder(job: Job) -> bool:
    """Tell whether all files of the run lie in its output folder, as before control and output were apart.

    A worker of that version recorded no output folder, and the job may be of that version too.
    """
    return job.output_identity is None and (not job.control_root or job.submitted_at is not None)


class JobFolders(BaseModel):
    """The folders that a job reads and writes on its cluster, each confined to the owner's roots."""

    data: PurePosixPath
    input: PurePosixPath
    profile: PurePosixPath
    inference: PurePosixPath
    labels: PurePosixPath

    @classmethod
    def of(cls, params: dict[str, Any], roots: OwnerRoots) -> "JobFolders":
        """Return the folders of parsed parameters, or raise Invalid with the key that leaves the roots."""

        def confine(key: str, prefix: str, text: str) -> PurePosixPath:
            return roots.confine(join_below(PurePosixPath(prefix), text), f"params.{key}")

        root = str(params["root_dir"])
        data = confine("workspace", root, params["workspace"])
        return cls(
            data=data,
            input=confine("read_input_data", str(data), params["read_input_data"]),
            profile=confine("profiling_workspace", root, params["profiling_workspace"]),
            inference=confine("inference_knn_path", str(data), params["inference_knn_path"]),
            labels=confine("clustering_label_path", str(data), params["clustering_label_path"]),
        )
