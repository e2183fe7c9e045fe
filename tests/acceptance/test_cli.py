"""The command line against the real stack: piped, and under a pseudo-terminal."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from hpc_gateway_client.commands import main
from hpc_gateway_commands.demo.check import largest_error, read_table
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack
from tests.client import BUCKET, Client, recording
from tests.terminal import draw_in_terminal

# It talks to the API alone: one database is enough.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def environment(stack: Stack, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GATEWAY_"))}
    return ours | {
        "GATEWAY_URL": stack.api_url,
        "GATEWAY_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": stack.store.url,
        "AWS_ACCESS_KEY_ID": stack.store.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.store.secret_key,
        **more,
    }


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "hpc_gateway_client", *map(str, words)]


def piped(stack: Stack, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which is a second faster, with nothing of a terminal about it."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["hpc-gateway", *map(str, words)]
    ours = mock.patch.dict(os.environ, environment(stack, **more), clear=True)
    said = mock.patch.object(sys, "argv", argv)
    with ours, said, redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main()
    return subprocess.CompletedProcess(argv, int(end.value.code or 0), out.getvalue(), err.getvalue())


def in_a_terminal(stack: Stack, *words: str | Path, **more: str) -> tuple[int, str]:
    """Run a command whose output is a terminal, and return its exit status and everything it drew."""
    return draw_in_terminal(command(*words), environment(stack, COLUMNS="160", **more))


def as_json(stack: Stack, *words: str | Path) -> Any:
    done = piped(stack, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording beside which results may be written; the client has made the bucket."""
    file = tmp_path_factory.mktemp("cli") / "a recording.csv"
    file.write_bytes(recording())
    return file


def test_the_whole_workflow_is_one_line(stack: Stack, client: Client, data: Path) -> None:
    result = data.with_name("out.csv")
    done = piped(stack, "run", "fft", data, "--on", INFRASTRUCTURE, "-o", result, "--json")
    assert done.returncode == 0, done.stderr
    workflow = json.loads(done.stdout)
    assert workflow.keys() >= {"id", "steps", "outputs", "bytes_done"}, "the shape of the API"
    assert (workflow["state"], [made["service"] for made in workflow["outputs"]]) == ("succeeded", ["fft"])
    assert largest_error(read_table(data)[1], read_table(result)[1]) < 1e-10
    left = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="hpc-gateway/")
    assert left.get("KeyCount") == 0, "nothing stays in the bucket"


def test_people_without_a_store_run_and_fetch_through_the_gateways(stack: Stack, data: Path) -> None:
    result = data.with_name("without.csv")
    done = piped(stack, "run", "fft", data, "--on", INFRASTRUCTURE, "-o", result, GATEWAY_BUCKET="")
    assert done.returncode == 0, done.stderr
    assert largest_error(read_table(data)[1], read_table(result)[1]) < 1e-10
    [newest] = as_json(stack, "workflow", "list", "--limit", "1")
    job = next(step["id"] for step in newest["steps"] if step["kind"] == "job")
    for words in (("workflow", "get", newest["id"][:8]), ("jobs", "get", job)):
        fetched = data.with_name("fetched.csv")
        done = piped(stack, *words, "-o", fetched, GATEWAY_BUCKET="")
        assert done.returncode == 0, done.stderr
        assert fetched.read_bytes() == result.read_bytes()
        fetched.unlink()


def test_a_sweep_is_one_line_and_each_result_a_file(stack: Stack, client: Client, tmp_path: Path) -> None:
    data, results = tmp_path / "swept.csv", tmp_path / "results"
    data.write_bytes(recording())
    words = ("--sweep", "savitzky_golay.window_length=5,7", "--param", "num_mpi_procs=1", "-o", results)
    done = piped(stack, "run", "savitzky_golay", data, "--on", INFRASTRUCTURE, *words)
    assert done.returncode == 0, done.stderr
    made = [f"swept_{name}.csv" for name in ("0000_savitzky_golay", "0001_savitzky_golay", "members")]
    assert sorted(file.name for file in results.iterdir()) == made
    assert "0001,succeeded" in (results / made[2]).read_text()
    (five, seven) = (read_table(results / name)[1] for name in made[:2])
    assert five.shape == seven.shape == read_table(data)[1].shape
    assert (five != seven).any()
    left = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="hpc-gateway/")
    assert left.get("KeyCount") == 0, "nothing stays in the bucket"

    without = (*words[:-1], tmp_path / "without")
    done = piped(stack, "run", "savitzky_golay", data, "--on", INFRASTRUCTURE, *without, GATEWAY_BUCKET="")
    assert done.returncode == 0, done.stderr
    for name in made[:2]:
        assert (tmp_path / "without" / name).read_bytes() == (results / name).read_bytes()
    assert "0001,succeeded" in (tmp_path / "without" / made[2]).read_text()

    started = as_json(stack, "run", "savitzky_golay", data, "--on", INFRASTRUCTURE, *words, "--detach")
    later = tmp_path / "later"
    members = as_json(stack, "workflow", "members", started["id"])
    lengths = [each["params"]["savitzky_golay"]["window_length"] for each in members]
    assert lengths == [5, 7]
    assert (
        '{"savitzky_golay": {"window_length": 7' in piped(stack, "workflow", "members", started["id"]).stdout
    )
    done = piped(stack, "workflow", "attach", started["id"], "-o", later)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in later.iterdir()) == made
    left = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="hpc-gateway/")
    assert left.get("KeyCount") == 0, "nothing stays in the bucket"


def test_a_workflow_is_started_detached_and_come_back_to(stack: Stack, client: Client, data: Path) -> None:
    started = as_json(stack, "run", "min_max", data, "--on", INFRASTRUCTURE, "--detach")
    result = data.with_name("later.csv")
    done = piped(stack, "workflow", "attach", started["id"], "-o", result)
    assert done.returncode == 0, done.stderr
    assert result.exists()
    shown = piped(stack, "workflow", "show", started["id"]).stdout
    assert all(words in shown for words in ("Steps", "History", "job/min_max.csv")), shown
    left = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="hpc-gateway/")
    assert left.get("KeyCount") == 0


def test_people_see_it_happen_and_a_terminal_without_colours_gets_none(stack: Stack, data: Path) -> None:
    words = ("run", "fft,min_max", data, "--on", INFRASTRUCTURE, "--param", "num_mpi_procs=1")
    status, drawn = in_a_terminal(stack, *words)
    assert status == 0, drawn
    assert "succeeded" in drawn
    assert "\x1b[3" in drawn, "in colour"
    assert data.with_name("a recording_min_max.csv").exists()
    status, drawn = in_a_terminal(stack, "jobs", "list", NO_COLOR="1")
    assert (status, "\x1b[3" in drawn) == (0, False), drawn
    assert "fft min_max" in drawn


def test_lists_are_tables_for_people_and_json_for_scripts(stack: Stack, data: Path) -> None:
    piped(stack, "run", "fft", data, "--on", INFRASTRUCTURE)
    [newest] = as_json(stack, "jobs", "list", "--limit", "1", "--service", "fft", "--since", "1h")
    assert newest["success"] is True
    whole_lines = piped(stack, "jobs", "list").stdout
    assert newest["id"] in whole_lines
    assert "\x1b" not in whole_lines
    assert {row["kind"] for row in as_json(stack, "transfers", "list")} == {"s3_data", "s3_result"}
    only = as_json(stack, "transfers", "list", "--kind", "s3_result", "--state", "completed")
    assert {row["kind"] for row in only} == {"s3_result"}
    shown = piped(stack, "jobs", "show", newest["id"]).stdout
    assert "succeeded" in shown
    assert "History" in shown
    assert as_json(stack, "transfers", "log", only[0]["id"])[-1]["to_state"] == "completed"
    assert piped(stack, "jobs", "log", newest["id"], "--follow").returncode == 0


def test_a_failure_is_understood_and_retried(stack: Stack, client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("not;a;number\n1;2;three\n")
    stopped = piped(stack, "run", "fft", bad, "--on", INFRASTRUCTURE)
    assert stopped.returncode == 3, stopped.stderr
    assert "three" in stopped.stderr
    done = piped(stack, "run", "fft", bad, "--on", INFRASTRUCTURE, "--yes")
    assert done.returncode == 3, done.stderr
    [job] = as_json(stack, "jobs", "list", "--state", "failed", "--limit", "1")
    assert job["reason"] in done.stderr
    assert job["reason"].split()[0] in piped(stack, "jobs", "log", job["id"], "--stderr").stdout
    told = piped(stack, "jobs", "log", job["id"], "--stderr", "--json").stdout.splitlines()
    assert job["reason"].split()[0] in json.loads(told[0])["text"]
    words = ("--why", "to see it fail again", "--time-limit", "10m", "--memory", "2G")
    again = as_json(stack, "jobs", "retry", job["id"], *words)
    assert (again[0]["attempt"], again[0]["resources"]["time_limit_s"]) == (2, 600)
    assert piped(stack, "jobs", "watch", job["id"]).returncode == 3
    shown = piped(stack, "jobs", "show", job["id"]).stdout
    assert "to see it fail again" in shown
    assert piped(stack, "jobs", "cancel", job["id"]).returncode == 1
    assert job["reason"][:40] in piped(stack, "status").stdout
    found = ("retry", "--kind", "job", "--reason", job["reason"][:20])
    assert job["id"] not in str(as_json(stack, *found)), "a bad file fails again"
    seen = as_json(stack, *found, "--fault", "input")
    assert (seen["dry_run"], job["id"] in str(seen)) == (True, True)
    assert as_json(stack, *found, "--fault", "input", "--yes")["retried"] >= 1


def test_a_bucket_that_does_not_exist_is_said_before_anything_starts(stack: Stack, data: Path) -> None:
    done = piped(stack, "run", "fft", data, "--on", INFRASTRUCTURE, GATEWAY_BUCKET="missing")
    assert done.returncode == 1
    assert "NoSuchBucket" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("jobs", "show", str(uuid4())), 4),
        (("jobs", "show", "nonsense"), 4),
        (("infrastructure", "telemetry", "nowhere"), 4),
        (("jobs", "list", "--state", "suceeded"), 2),
        (("transfers", "show", str(uuid4())), 4),
        (("workflow", "show", str(uuid4())), 4),
        (("jobs", "list", "--url", "127.0.0.1:8080"), 2),
        (("jobs", "list", "--since", "yesterday"), 2),
        (("jobs", "list", "--since", "2026-01-01"), 2),
        (("jobs", "list", "--limit", "0"), 2),
        (("transfers", "list", "--kind", "job"), 2),
        (("run", "fft", "/does/not/exist", "--on", INFRASTRUCTURE), 2),
        (("run", "fft,min_max", __file__, "--on", INFRASTRUCTURE, "-o", __file__), 2),
        (("run", "fft", __file__, "--on", INFRASTRUCTURE, "--param", "ranks"), 2),
        (("run", "fftt", __file__, "--on", INFRASTRUCTURE), 2),
        (("run", "fft", __file__, "--on", "nowhere"), 4),
        (("status", "--url", "http://127.0.0.1:1/"), 5),
    ],
)
def test_exit_codes_mean_something(stack: Stack, words: tuple[str, ...], code: int) -> None:
    done = piped(stack, *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_clusters_are_listed_added_and_measured(stack: Stack) -> None:
    name = f"added-{uuid4().hex[:8]}"
    added = as_json(stack, "infrastructure", "add", name, "--host", "h.example.org", "--username", "u")
    assert added[0]["name"] == name
    assert name in piped(stack, "infrastructure", "list").stdout
    assert as_json(stack, "infrastructure", "telemetry", INFRASTRUCTURE)["partitions"]
    assert "partition" in piped(stack, "infrastructure", "telemetry", INFRASTRUCTURE).stdout
    clusters = as_json(stack, "status")["clusters"]
    assert clusters[INFRASTRUCTURE] == {"worker": "", "scheduler": "", "filesystem": ""}
    assert clusters[name]["worker"]
