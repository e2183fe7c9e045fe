"""The judge as a process: it sees its table alone, and hostile words, silence and ends become sentences."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import HandedBack
from gateway.tables import judge as judges
from gateway.tables.judge import JudgeCommand, Judged, NotJudged, run_judge


def interpreter(folder: Path, code: str) -> JudgeCommand:
    """Return the command of a judge whose program is `code`."""
    program, python = folder / "program.py", folder / "python"
    program.write_text(code)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {program} "$@"\n')
    python.chmod(0o755)
    return JudgeCommand(str(python), "/usr/bin:/bin", str(folder / "cache"))


def run(folder: Path, code: str, longest_s: float = 60, stop: threading.Event | None = None) -> list[Judged]:
    table = folder / "table"
    table.write_text("a;b\n1;2\n")
    with table.open("rb") as file:
        return list(
            run_judge(interpreter(folder, code), file.fileno(), "x.csv", stop or threading.Event(), longest_s)
        )


def test_it_gets_the_table_its_name_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "secret")
    held = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(held, True)  # noqa: FBT003  the function takes no name
    code = """
import json, os, resource, sys
seen = {"environment": sorted(os.environ), "argv": sys.argv[1:], "table": sys.stdin.read(),
        "open": sorted(os.listdir("/proc/self/fd"))[:-1], "here": os.listdir("."), "nice": os.nice(0),
        "limit": resource.getrlimit(resource.RLIMIT_CPU)[0]}
print(json.dumps({"problem": json.dumps(seen), "whole": True}))
"""
    (found,) = run(tmp_path, code)
    os.close(held)
    seen: dict[str, Any] = json.loads(found.problem or "")
    assert set(seen["environment"]) <= {"HPC_KERNELS_CACHE", "LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert seen["argv"] == ["-I", "-m", "hpc_kernels", "judge", "--", "x.csv"]
    assert (seen["table"], seen["open"], seen["here"]) == ("a;b\n1;2\n", ["0", "1", "2"], [])
    assert (seen["nice"], seen["limit"]) == (19, 60)


def test_each_line_is_a_judgement(tmp_path: Path) -> None:
    lines = '{"whole": false, "samples": 1}', '{"whole": true, "samples": 2, "preview": "AAE="}'
    first, last = run(tmp_path, f"print(*{lines!r}, sep='\\n')")
    assert (first.whole, first.preview_bytes(), last.samples) == (False, None, 2)
    assert last.preview_bytes() == b"\0\1"
    assert "preview" not in last.document()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('x')", "something else than a judgement"),
        ("print('{\"samples\": -1}')", "something else than a judgement"),
        ("print('{\"signals\": [' + '\"a\",' * 2000 + '\"a\"]}')", "something else than a judgement"),
        ("import sys; sys.exit('no \\x1b[31m luck')", r"exit code 1: no \\x1b\[31m luck"),
        ("import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("raise ModuleNotFoundError(\"No module named 'hpc_kernels'\")", "set GATEWAY_JUDGE_PYTHON"),
        ("import sys; sys.exit(\"invalid choice: 'judge'\")", "of a version that judges no tables"),
        ("while True: print('x' * 1000000, end='')", "more than a judgement"),
        ("import time\nwhile True: print('{}', flush=True); time.sleep(0.1)", "no answer within"),
    ],
)
def test_hostile_words_and_ends_become_sentences(
    tmp_path: Path, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "_LINE_BYTES", 1 << 20)
    with pytest.raises(NotJudged, match=words):
        run(tmp_path, code, 60 if "sleep" not in code else 1)


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    command = JudgeCommand(str(tmp_path / "none"), "/bin", "")
    with pytest.raises(NotJudged, match="none cannot judge tables .* set GATEWAY_JUDGE_PYTHON"):
        next(run_judge(command, 0, "x.csv", threading.Event()))


@pytest.mark.parametrize("stops", [False, True])
def test_a_silent_judge_is_ended_with_its_children(tmp_path: Path, *, stops: bool) -> None:
    code = f"""
import os, pathlib, time
if os.fork():
    pathlib.Path({str(tmp_path / "pids")!r}).write_text(str(os.getpid()))
time.sleep(1000)
"""
    stop = threading.Event()
    if stops:
        stop.set()
    with pytest.raises(HandedBack if stops else NotJudged):
        run(tmp_path, code, 1.5, stop)
    if not stops:
        assert not Path(f"/proc/{(tmp_path / 'pids').read_text()}").exists()


def test_an_unreadable_preview_is_none() -> None:
    assert Judged(preview="***").preview_bytes() is None
