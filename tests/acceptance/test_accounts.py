"""Two owners on one really started stack with keys: each does the whole workflow, neither meets the other."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpc_gateway_commands.demo.check import largest_error, read_table
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from tests import leaks
from tests.acceptance.test_cli import command, environment, piped
from tests.client import BUCKET, Client, client_of, recording
from tests.machine_code import give_machine_code

RESULT = "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("accounts") / "stack"
    with (
        running_stack(folder, print, flower=False, settings={"GATEWAY_AUTH": "keys"}) as running,
        client_of(running) as connected,
    ):
        give_machine_code(running)
        yield connected


def _key(stack: Stack, *words: str) -> str:
    made = subprocess.run(
        command("keys", "create", *words), env=dict(stack.env), capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


def _json(stack: Stack, key: str, *words: str | Path) -> Any:
    done = piped(stack, *words, "--json", GATEWAY_TOKEN=key)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_owners_work_side_by_side_and_apart(client: Client, tmp_path: Path) -> None:
    stack = client.stack
    ada, eve = _key(stack, "ada"), _key(stack, "eve@example.org", "--expires", "1h")
    data, short = tmp_path / "long.csv", tmp_path / "short.csv"
    data.write_bytes(recording())
    short.write_text("x\n1\n2\n3\n4\n", encoding="utf-8")
    jobs = {}
    for key, file in ((ada, data), (eve, short)):
        run = _json(
            stack, key, "run", "fft", file, "--on", INFRASTRUCTURE, "-o", tmp_path / f"{file.stem}.out"
        )
        [job_id] = [step["id"] for step in run["steps"] if step["kind"] == "job"]
        jobs[key] = _json(stack, key, "jobs", "show", job_id)
    assert largest_error(read_table(data)[1], read_table(tmp_path / "long.out")[1]) < 1e-10

    owners = stack.home / "owners"
    assert sorted(folder.name for folder in owners.iterdir()) == ["ada", "eve_40example.org"]
    published = [(owners / name / RESULT).read_bytes() for name in ("ada", "eve_40example.org")]
    assert published[0] != published[1], "the last job of one has not replaced the other's result"
    assert not (stack.home / "serrano").exists()

    assert [row["id"] for row in _json(stack, eve, "jobs", "list")] == [jobs[eve]["id"]]
    assert piped(stack, "jobs", "show", jobs[ada]["id"], GATEWAY_TOKEN=eve).returncode == 4
    assert piped(stack, "jobs", "log", jobs[ada]["id"], GATEWAY_TOKEN=eve).returncode == 4
    stolen = {**_store(client), "object": "stolen", "src": jobs[ada]["outputs"][0]["path"]}
    answer = client.http.post("/s3_result", json=stolen, headers={"Authorization": f"Bearer {eve}"})
    assert answer.status_code == 404, "a path in the job's folder names the job"

    assert "scope operator" in piped(stack, "status", GATEWAY_TOKEN=eve).stderr
    operator = tmp_path / "token"
    operator.write_text(_key(stack, "op", "--scope", "operator") + "\n", encoding="ascii")
    seen = piped(stack, "jobs", "list", "--json", GATEWAY_TOKEN_FILE=str(operator))
    assert {row["owner"] for row in json.loads(seen.stdout)} == {"ada", "eve@example.org"}
    assert piped(stack, "status", GATEWAY_TOKEN_FILE=str(operator)).returncode == 0


def test_a_revoked_key_is_out(client: Client) -> None:
    stack, key = client.stack, _key(client.stack, "mallory")
    assert piped(stack, "jobs", "list", GATEWAY_TOKEN=key).returncode == 0
    subprocess.run(command("keys", "revoke", key[4:20]), env=dict(stack.env), check=True, capture_output=True)
    for token, word in (
        (key, "revoked"),
        ("", "authentication is needed"),
        ("x", "not known"),
        ("a b", "must be"),
    ):
        done = piped(stack, "jobs", "list", GATEWAY_TOKEN=token)
        assert (done.returncode, word in done.stderr) == (1, True), done.stderr


def test_a_key_is_in_no_file_and_on_no_command_line(client: Client) -> None:
    stack, key = client.stack, _key(client.stack, "zoe")
    following = ("jobs", "watch", "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11")
    env = environment(stack, GATEWAY_TOKEN=key)
    with subprocess.Popen(command(*following), env=env, stderr=subprocess.PIPE) as child:
        assert key not in " ".join(psutil.Process(child.pid).cmdline())
        _, told = child.communicate()
    assert key.encode() not in told
    assert leaks.in_files(stack.folder, leaks.spellings(key[21:])) == []


def _store(client: Client) -> dict[str, str]:
    store = client.stack.store
    return {
        "endpoint": store.url,
        "bucket": BUCKET,
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "infrastructure": INFRASTRUCTURE,
    }
