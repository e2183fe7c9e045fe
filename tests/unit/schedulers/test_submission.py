"""The options of a submission: every resource by pyslurm's name, and none that was left out."""

from pathlib import Path
from typing import Any

import pytest

from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.submission import submission_options

ALWAYS = {
    *("name", "comment", "working_directory", "standard_output", "standard_error"),
    *("ntasks", "cpus_per_task", "nodes", "is_requeueable"),
}


def options(**resources: Any) -> dict[str, object]:
    spec = JobSpec("job.1", Path("/c/job.1"), ("x",), 4, 2, "srun", resources=Resources(**resources))
    return submission_options(spec, 3)


def test_a_job_without_resources_leaves_them_to_slurm() -> None:
    found = options()
    assert found.keys() == ALWAYS
    assert (found["ntasks"], found["cpus_per_task"], found["nodes"]) == (4, 2, 3)
    assert found["is_requeueable"] is False


@pytest.mark.parametrize(
    ("key", "value", "name", "told"),
    [
        ("partition", "a,b", "partitions", "a,b"),
        ("account", "lab", "account", "lab"),
        ("qos", "long", "qos", "long"),
        ("constraint", "avx512", "constraints", "avx512"),
        ("reservation", "course", "reservations", "course"),
        ("gres", "gpu:a100:2,shard:1", "gres_per_node", {"gpu:a100": 2, "shard": 1}),
        ("time_limit_s", 61, "time_limit", 2),
        ("memory_per_cpu_bytes", 2**20 + 1, "memory_per_cpu", "2M"),
    ],
)
def test_each_resource_has_its_option(key: str, value: object, name: str, told: object) -> None:
    found = options(**{key: value})
    assert found[name] == told
    assert found.keys() == ALWAYS | {name}
