"""`hpc-gateway run` with options of resources: the request has their keys, in seconds and bytes."""

from pathlib import Path

import pytest

from tests.held_gateway import HeldGateway
from tests.run_command import running


@pytest.mark.parametrize(
    ("words", "resources"),
    [
        ((), {}),
        (
            ("--time-limit", "90m", "--memory", "2G", "--gres", "gpu:2", "--grow"),
            {"time_limit_s": 5400, "memory_bytes": 2**31, "gres": "gpu:2", "grow": True},
        ),
    ],
)
def test_options_become_the_resources_of_the_job(
    tmp_path: Path, words: tuple[str, ...], resources: dict[str, object]
) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", *words)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        [request] = gateway.requests
        assert request["jobs"][0].get("resources", {}) == resources


def test_a_wrong_value_is_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--memory", "much")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "'much' is not a size such as 500M" in " ".join(err.replace("│", " ").split())
    assert (gateway.rows, gateway.objects) == ({}, {})
