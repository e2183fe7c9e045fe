"""All fields of a row for people: no braces and quotes of Python, units in words."""

from uuid import uuid4

from hpc_gateway_client import Job
from hpc_gateway_client.commands.details import describe_row

NOW = "2026-11-30T08:00:00Z"


def _job() -> Job:
    return Job.model_validate(
        {
            "id": str(uuid4()),
            "status": "completed",
            "state": "succeeded",
            "reason": "",
            "infrastructure": "excess",
            "created_at": NOW,
            "updated_at": NOW,
            "attempt": 1,
            "scheduler_id": "17",
            "success": True,
            "exit_code": 0,
            "services": ["fft", "min_max"],
            "params": {"fft": {"window": "hann"}, "num_mpi_procs": 4, "kalman": {}},
            "resources": {"memory_bytes": 2_000_000_000, "time_limit_s": 5400, "grow": False},
            "warnings": ["one", "two"],
            "outputs": [{"service": "fft", "path": "x/fft.csv", "bytes": 12_000, "sha256": "0" * 64}],
            "usage": {"cpu_s": 12.5, "peak_rss_bytes": 3_000_000},
            "submitted_at": NOW,
            "started_at": None,
        }
    )


def test_each_value_has_a_line_in_words() -> None:
    lines = dict(describe_row(_job()))
    assert lines["params.fft.window"] == "hann"
    assert lines["services"] == "fft, min_max"
    assert lines["warnings"] == "one\ntwo"
    assert lines["resources.memory_bytes"] == "2.0 GB"
    assert lines["resources.time_limit_s"] == "1 h 30 min"
    assert lines["resources.grow"] == "no"
    assert lines["usage.peak_rss_bytes"] == "3.0 MB"
    assert lines["outputs"].startswith("fft  x/fft.csv  12.0 kB")
    assert lines["exit_code"] == "0"
    assert {"reason", "params.kalman", "started_at"}.isdisjoint(lines)


def test_nothing_is_printed_as_python_writes_it() -> None:
    text = "\n".join(f"{name} {value}" for name, value in describe_row(_job()))
    assert not any(mark in text for mark in ("{", "}", "[", "]", "None", "True", "UUID", "datetime"))
