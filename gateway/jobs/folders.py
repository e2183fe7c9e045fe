"""The folders of a job: the attempt's folder, input and output folders."""

from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from gateway.clusters.owner_roots import OwnerRoots
from gateway.clusters.paths import join_below
from gateway.models import Job

OUTPUT = PurePosixPath("Output_Data")  # the spelling is part of the contract
JOBS = OUTPUT / "jobs"


def attempt_folder(job: Job) -> PurePosixPath:
    """Return the folder of the attempt that the scheduler got, into which no other job writes."""
    return run_folder(job, job.run)


def run_folder(job: Job, run: int) -> PurePosixPath:
    """Return the folder of the attempt of that number."""
    return PurePosixPath(job.data_folder) / JOBS / f"{job.id}.{run}"


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
