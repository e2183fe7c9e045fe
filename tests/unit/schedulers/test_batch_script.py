"""The batch script, run by bash: arguments, environment, exit file, and the ways to end it."""

import json
import os
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import Resources
from tests.unit.schedulers.batch_scripts import AWKWARD, bash, out, run, spec


def test_arguments_arrive_untouched(tmp_path: Path) -> None:
    assert run(spec(tmp_path, "/usr/bin/printf", "%s\\0", *AWKWARD)) == 0
    assert out(tmp_path).split("\0")[:-1] == AWKWARD
    assert not (tmp_path / "pwned").exists()


def test_the_private_memory_of_a_rank_is_its_request(tmp_path: Path) -> None:
    job = spec(tmp_path, *bash("ulimit -d"), ranks=2)
    assert run(replace(job, resources=Resources(memory_per_cpu_bytes=1 << 30))) == 0
    assert out(tmp_path) == f"{2 << 20}\n" * 2  # KiB: two threads


def test_the_private_memory_of_a_rank_without_a_request(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert run(spec(tmp_path, *bash("ulimit -d"))) == 0
    assert 1 << 19 <= int(out(tmp_path)) <= max(2 * machine // (os.cpu_count() or 1), 1 << 29) >> 10


def test_a_rank_with_a_tiny_request_can_start(tmp_path: Path) -> None:
    job = spec(tmp_path, *bash("ulimit -d"))
    assert run(replace(job, resources=Resources(memory_per_cpu_bytes=1))) == 0
    assert out(tmp_path) == f"{1 << 19}\n"


def test_environment_arrives_untouched_and_alone(tmp_path: Path) -> None:
    given_environment = {f"V{index}": value for index, value in enumerate(AWKWARD)}
    slurm = {"SLURM_JOB_ID": "7", "SLURM_JWT": "secret", "BASH_FUNC_env%%": "() { echo leaked; }"}
    assert run(spec(tmp_path, "/usr/bin/env", "-0", environment=given_environment), slurm) == 0
    seen = dict(item.split("=", 1) for item in out(tmp_path).split("\0")[:-1])
    assert {name: seen.pop(name) for name in given_environment} == given_environment
    assert seen == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "SLURM_JOB_ID": "7",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NTASKS": "1",
        "SLURM_CPUS_PER_TASK": "2",
    }


@pytest.mark.parametrize("name", [value for value in AWKWARD if value not in {"", "--"}])
def test_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    assert run(spec(folder, "/bin/pwd", "-P")) == 0
    assert out(folder) == f"{folder}\n"
    assert not list(tmp_path.rglob("pwned"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5),
    st.dictionaries(
        st.from_regex(r"V[A-Za-z0-9_]*", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        max_size=3,
    ),
)
def test_any_text_arrives(arguments: list[str], environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = 'env -0; printf "\\0"; [ $# = 0 ] || printf "%s\\0" "$@"'
        assert run(spec(folder, *bash(code), "bash", *arguments, environment=environment)) == 0
        seen, _, rest = (folder / batch_script.STDOUT).read_bytes().decode().partition("\0\0")
        assert rest.split("\0")[:-1] == arguments
        assert environment.items() <= dict(item.split("=", 1) for item in seen.split("\0")).items()


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ((), {}),
        (("",), {}),
        (("a=b", "c"), {}),
        (("x\0y",), {}),
        (("x", "\ud800"), {}),
        (("x",), {"A": "\0"}),
        (("x",), {"": "1"}),
        (("x",), {"A B": "1"}),
        (("x",), {"-i": "1"}),
        (("x",), {"A=B": "1"}),
        (("x",), {"A\n": "1"}),
        (("x",), {"Ä": "1"}),
    ],
)
def test_what_no_process_can_be_given(
    tmp_path: Path, command: tuple[str, ...], environment: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        batch_script.render(spec(tmp_path, *command, environment=environment))


def test_no_ranks(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="rank"):
        batch_script.render(spec(tmp_path, "true", ranks=0))


def test_more_ranks_than_cores(tmp_path: Path) -> None:
    assert run(spec(tmp_path, *bash('echo "$SLURM_PROCID/$SLURM_NTASKS"'), ranks=40)) == 0
    assert sorted(out(tmp_path).split()) == sorted(f"{rank}/40" for rank in range(40))


@pytest.mark.parametrize("code", [0, 1, 2, 74, 75, 126, 127, 255])
def test_exit_code_is_the_script_s_and_is_noted(tmp_path: Path, code: int) -> None:
    assert run(spec(tmp_path, *bash(f"echo out; echo err >&2; exit {code}"))) == code
    end = attempt_record.read_exit(tmp_path)
    assert end is not None
    assert (end.exit_code, end.signal) == (code, None)
    assert end.started_at <= end.ended_at
    assert end.ended_at.tzinfo is not None
    assert out(tmp_path) == "out\n"
    assert (tmp_path / batch_script.STDERR).read_text() == "err\n"


def test_unknown_program(tmp_path: Path) -> None:
    assert run(spec(tmp_path, "/no/such/program")) == 127
    assert "/no/such/program" in (tmp_path / batch_script.STDERR).read_text()


@pytest.mark.parametrize("bad", range(4))
def test_one_failing_rank_ends_the_others(tmp_path: Path, bad: int) -> None:
    began = time.monotonic()
    text = f'[ "$SLURM_PROCID" = {bad} ] && exit 3; exec sleep 60'
    assert run(spec(tmp_path, *bash(text), ranks=4)) == 3
    assert time.monotonic() - began < 5


def test_a_rank_that_ignores_the_end_is_killed(tmp_path: Path) -> None:
    text = '[ "$SLURM_PROCID" = 1 ] && { sleep 0.3; exit 4; }; trap "" TERM; while :; do sleep 0.1; done'
    began = time.monotonic()
    assert run(spec(tmp_path, *bash(text), ranks=2)) == 4
    assert 2 < time.monotonic() - began < 10


def test_a_killed_rank(tmp_path: Path) -> None:
    assert run(spec(tmp_path, *bash("kill -KILL $$"), ranks=2)) == 137


def test_a_second_copy_does_nothing_even_after_the_first(tmp_path: Path) -> None:
    job = spec(tmp_path, *bash("echo once"))
    assert run(job) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run(job) == batch_script.ALREADY_STARTED
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_of_many_copies_one_runs(tmp_path: Path) -> None:
    script = batch_script.render(spec(tmp_path, *bash("echo once; sleep 0.5")))
    copies = [subprocess.Popen(["/bin/bash", "-p", "-c", script]) for _ in range(12)]
    codes = sorted(copy.wait() for copy in copies)
    assert codes == [0] + [batch_script.ALREADY_STARTED] * 11
    assert out(tmp_path) == "once\n"
    names = {batch_script.STARTED, batch_script.EXIT, batch_script.STDOUT, batch_script.STDERR}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_no_folder(tmp_path: Path) -> None:
    assert run(spec(tmp_path / "gone", "true")) == batch_script.NO_FOLDER


def test_term_ends_the_ranks_and_is_noted(tmp_path: Path) -> None:
    script = batch_script.render(spec(tmp_path, *bash("echo $$; exec sleep 60"), ranks=3))
    process = subprocess.Popen(["/bin/bash", "-p", "-c", script])
    while len(pids := out(tmp_path).split() if (tmp_path / batch_script.STDOUT).exists() else []) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    end = attempt_record.read_exit(tmp_path)
    assert end is not None
    assert (end.exit_code, end.signal) == (143, signal.SIGTERM)
    assert not any(Path("/proc", pid).exists() for pid in pids)


def is_empty(group: int) -> bool:
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_term_at_any_moment_leaves_no_rank(tmp_path: Path) -> None:
    def end_after(delay_ms: int) -> tuple[int, bool]:
        folder = tmp_path / str(delay_ms)
        folder.mkdir()
        script = batch_script.render(spec(folder, "/bin/sleep", "61.25", ranks=3))
        process = subprocess.Popen(["/bin/bash", "-p", "-c", script], start_new_session=True)
        time.sleep(delay_ms / 1000)
        process.send_signal(signal.SIGTERM)
        return process.wait(10), is_empty(process.pid)

    with ThreadPoolExecutor(4) as threads:
        for code, is_left_empty in threads.map(end_after, range(0, 60, 3)):
            assert code in {143, -signal.SIGTERM}
            assert is_left_empty


def test_exit_file_is_whole_json(tmp_path: Path) -> None:
    run(spec(tmp_path, "true"))
    keys = {"exit_code", "signal", "started_at", "ended_at", "time_limit_s"}
    assert json.loads((tmp_path / batch_script.EXIT).read_text()).keys() == keys
