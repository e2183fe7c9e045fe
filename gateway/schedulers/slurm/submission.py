"""The options of a submission to Slurm, by the names of pyslurm's JobSubmitDescription."""

import math

from gateway.clusters.gres import parse_gres
from gateway.schedulers.base import JobSpec, Resources


def submission_options(spec: JobSpec, nodes: int) -> dict[str, object]:
    """Return the options of a job, without those that are left to Slurm and its environment."""
    log = "slurm-%A_%a.log" if spec.is_array else "slurm-%j.log"
    options: dict[str, object] = {
        "name": spec.name,
        "comment": spec.name,
        "working_directory": str(spec.folder),
        # Messages of Slurm about the job; relative, because Slurm expands '%' in a path.
        "standard_output": log,
        "standard_error": log,
        "ntasks": spec.ranks,
        "cpus_per_task": spec.threads,
        "nodes": nodes,
        "is_requeueable": False,
    }
    if spec.is_array:  # from 1 on: pyslurm cannot tell the index 0 from none
        options["array"] = f"1-{spec.array_size}"
    return options | _resource_options(spec.resources)


def _resource_options(resources: Resources) -> dict[str, object]:
    """Return the options of the resources; memory is rounded up to MiB, the time limit to minutes."""
    memory, limit = resources.memory_per_cpu_bytes, resources.time_limit_s
    options = {
        "partitions": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "constraints": resources.constraint,
        "reservations": resources.reservation,
        "gres_per_node": parse_gres(resources.gres),
        "time_limit": limit and math.ceil(limit / 60),
        "memory_per_cpu": memory and f"{math.ceil(memory / 2**20)}M",
    }
    return {key: value for key, value in options.items() if value}
