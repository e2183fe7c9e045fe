"""Job files that break a rule: exit code 2 and one line that names the key."""

import re
from pathlib import Path
from typing import Any

import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.job_file import load_job
from tests.kernels.job_folder import JobFolder

JOBS = {
    "version": ({"version": 2}, "version must be 1, not 2"),
    "boolean version": ({"version": True}, "version must be 1"),
    "unknown key": ({"colour": 1}, "unknown key 'colour'"),
    "no service": ({"services": {}}, "services must be an object with a service"),
    "unknown service": ({"services": {"sort": {}}}, "there is no service 'sort'"),
    "options no object": ({"services": {"fft": 3}}, "params.fft must be an object, not 3"),
    "unknown option": ({"services": {"fft": {"x": 1}}}, "params.fft has no option 'x'; it has: spectrum"),
    "choice": ({"services": {"fft": {"window": "kaiser"}}}, "params.fft.window must be one of none, hann"),
    "not above": (
        {"services": {"fft": {"sampling_rate": 0}}},
        "params.fft.sampling_rate must be a number above 0",
    ),
    "no number": ({"services": {"min_max": {"low": "0"}}}, "params.min_max.low must be a number, not '0'"),
    "boolean": ({"services": {"min_max": {"low": True}}}, "params.min_max.low must be a number, not True"),
    "relative path": ({"input": "x.csv"}, "input must be an absolute path"),
    "null path": ({"input": None}, "input must be an absolute path"),
    "zero byte in a path": ({"input": "/x\0"}, "input must be an absolute path"),
    "threads": ({"threads": 0}, "threads must be a whole number from 1 to 2147483647"),
    "stride": ({"perforation_stride": 1.5}, "perforation_stride must be a whole number"),
    "scenario": ({"precision_scenario": 5}, "precision_scenario must be 1, 2, 3 or 4"),
    "layout": ({"layout": "image"}, "layout must be sensor_table or asset_pairs"),
    "csv": ({"csv_output": 1}, "csv_output must be true or false"),
}


@pytest.mark.parametrize(("changes", "message"), JOBS.values(), ids=JOBS.keys())
def test_broken_job_file(jobs: JobFolder, changes: dict[str, Any], message: str) -> None:
    services = changes.pop("services", {"fft": {}})
    path = jobs.job_file(jobs.root / "input.csv", services, **changes)
    with pytest.raises(BadInputError, match=re.escape(message)):
        load_job(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}', '{"version": NaN}', "\ufeff{}", "\xff"])
def test_no_job_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=re.escape("job.json")):
        load_job(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 500_000, "not a job: its values are nested too deeply"),
        (" " * (1 << 20) + "{}", "expected a job of at most 1,048,576 bytes, found a larger file"),
        ('{"version": 1' + "0" * 5000 + "}", "not a JSON document: "),
    ],
)
def test_a_hostile_job_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(BadInputError, match=re.escape(f"job.json: {message}")):
        load_job(tmp_path / "job.json")


def test_more_threads_than_a_machine_could_have(jobs: JobFolder) -> None:
    table = jobs.input("a;b\n1;2\n3;4\n")
    assert jobs.run(table, {"min_max": {}}, threads=2**31 - 1) == [0], jobs.stderr


@pytest.mark.parametrize("value", ["1e999", "-1e999", "1" + "0" * 400])
def test_an_infinite_option_is_no_number(jobs: JobFolder, value: str) -> None:
    path = jobs.job_file(jobs.root / "input.csv", {"min_max": {"low": 123.25}})
    path.write_text(path.read_text().replace("123.25", value))
    with pytest.raises(BadInputError, match=r"params.min_max.low must be a number, not "):
        load_job(path)


def test_a_broken_job_file_ends_every_rank_and_one_speaks(jobs: JobFolder, acceleration: Path) -> None:
    assert jobs.run(acceleration, {"fft": {"window": 1}}, ranks=2) == [2, 2]
    assert (
        jobs.stderr == "job.1.json: params.fft.window must be one of none, hann, hamming, blackman, not 1\n"
    )
