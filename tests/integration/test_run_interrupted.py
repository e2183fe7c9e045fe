"""`hpc-gateway run` is interrupted at every moment: accepted work and its object stay, to come back to."""

import re
import signal
from pathlib import Path

import pytest

from tests.held_gateway import RESULT, HeldGateway
from tests.run_command import Process, interrupt, running

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def printed(err: str) -> list[str]:
    """Return the commands that were printed."""
    return re.findall(r"hpc-gateway workflow .*", err)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_while_uploading_nothing_is_accepted_and_nothing_stays(
    tmp_path: Path, number: signal.Signals
) -> None:
    gateway = HeldGateway("PUT object")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        interrupt(process, number)
        gateway.released.set()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert (gateway.rows, gateway.objects, printed(err)) == ({}, {}, [])


# Lets the client pause between the last byte of an upload and its look for more.
PAUSE_AT_THE_END = """
import time
from s3transfer.upload import InterruptReader
read = InterruptReader.read
def paused(self, amount=None):
    if getattr(self, "was_read", False):
        time.sleep(1)
    data = read(self, amount)
    self.was_read = bool(data)
    return data
InterruptReader.read = paused
"""


def test_an_upload_with_all_its_bytes_sent_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(PAUSE_AT_THE_END)
    gateway = HeldGateway("PUT object")
    with running(tmp_path, gateway) as run:
        run.more_env["PYTHONPATH"] = str(tmp_path)
        process = run.workflow()
        assert gateway.reached.wait(60)
        interrupt(process)
        assert "interrupt again" in _line(process, "stopping the upload")
        gateway.released.set()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert (gateway.rows, gateway.objects, printed(err)) == ({}, {}, [])


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_while_accepted_work_goes_on_it_is_left_alone_and_can_be_come_back_to(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    gateway = HeldGateway("GET /workflow")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        for _ in range(times):
            if process.poll() is None:
                process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        row = gateway.accepted("workflow")
        assert [key.rpartition("/")[2] for key in gateway.objects] == ["a file.csv"], "the input is there"
        assert printed(err) == [f"hpc-gateway workflow {verb} {row}" for verb in ("attach", "cancel")]
        gateway.released.set()
        run.does(printed(err)[0])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert len(gateway.requests) == 1, "it was accepted once"
    assert gateway.objects == {}, "and nothing stays in the bucket"


def test_the_output_that_was_asked_for_is_in_the_command_to_come_back(tmp_path: Path) -> None:
    gateway = HeldGateway("GET /workflow")
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "-o", "out 1.csv")
        assert gateway.reached.wait(60)
        interrupt(process)
        _, err = process.communicate(timeout=60)
        gateway.released.set()
        run.does(printed(err)[0])
    assert (tmp_path / "out 1.csv").read_bytes() == RESULT


def test_detached_it_prints_how_to_come_back_and_leaves_the_input(tmp_path: Path) -> None:
    gateway = HeldGateway("GET /workflow")
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--detach")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, len(gateway.objects)) == (0, 1), err
        row = gateway.accepted("workflow")
        assert printed(out) == [f"hpc-gateway workflow {verb} {row}" for verb in ("attach", "cancel")]
        gateway.released.set()
        run.does(printed(out)[0])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert gateway.objects == {}


def test_its_time_is_over_and_the_work_goes_on(tmp_path: Path) -> None:
    gateway = HeldGateway("GET /workflow")
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--timeout", "0.2")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 6, err
    assert f"hpc-gateway workflow attach {gateway.accepted('workflow')}" in err


def test_an_interrupt_waits_for_the_answer_that_says_whether_it_is_accepted(tmp_path: Path) -> None:
    gateway = HeldGateway("POST /workflow")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        assert "interrupt again" in _line(process, "waiting for")
        gateway.released.set()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert f"workflow {gateway.accepted('workflow')}" in err
        run.does(printed(err)[0])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert (len(gateway.requests), gateway.objects) == (1, {})


def _line(process: Process, words: str) -> str:
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def test_a_second_interrupt_ends_without_the_answer_and_leaves_the_object(tmp_path: Path) -> None:
    gateway = HeldGateway("POST /workflow")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _line(process, "interrupt again")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    [key] = gateway.objects
    assert "may have accepted the workflow of a file.csv" in err
    assert f"stays in the bucket: {key}" in err


def test_while_the_result_is_downloaded_it_can_be_come_back_to(tmp_path: Path) -> None:
    gateway = HeldGateway("GET object")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        interrupt(process)
        gateway.released.set()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert printed(err) == [f"hpc-gateway workflow attach {gateway.accepted('workflow')}"]
        gateway.moment = ""
        run.does(printed(err)[0])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert gateway.objects == {}


def test_a_gateway_that_is_lost_while_the_work_goes_on_leaves_it_alone(tmp_path: Path) -> None:
    gateway = HeldGateway("GET /workflow", away="GET /workflow")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert f"attach {gateway.accepted('workflow')}" in err


def test_a_refused_request_leaves_no_object(tmp_path: Path) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--param", "profiling_workspace=/x")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert (gateway.objects, gateway.requests, printed(err)) == ({}, [], [])


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("fft", "a file.csv", "--on", "demmo"), 4, "there is no cluster 'demmo': did you mean 'demo'?"),
        (("ffft", "a file.csv", "--on", "demo"), 2, "did you mean 'fft'?"),
        (("fft", "a file.csv", "--on", "demo", "--param", "fft.windw=hann"), 2, "did you mean 'window'?"),
        (("fft", "a file.csv", "--on", "demo", "--param", "fft.window=x"), 2, "expected a window"),
        (("fft", "a file.csv", "--on", "demo", "--param", "ftt.window=x"), 2, "did you mean 'fft'?"),
        (("fft", "a file.csv", "--on", "demo", "--param", "num_mpi_proc=2"), 2, "mean 'num_mpi_procs'?"),
        (("kmean", "a file.csv", "--on", "demo", "--param", "cluster_numbr=2"), 2, ".cluster_number'?"),
        (("fft", "a file.csv", "--on", "demo", "--sweep", "fft.window=hann,"), 2, "swept once"),
        (("fft", "a file.csv", "--on", "demo", "--param", "table.seperator=x"), 2, "mean 'separator'?"),
        (("fft", "/dev/null", "--on", "demo"), 2, "/dev/null"),
        (("fft", "a file.csv", "--on", "demo", "-o", "no/folder.csv"), 2, "there is no folder no"),
        (("fft,min_max", "a file.csv", "--on", "demo", "-o", "a file.csv"), 2, "name a folder"),
        (("fft", "a file.csv", "--on", "demo", "--url", "gateway:8080"), 2, "http://HOST:PORT"),
    ],
)
def test_a_wrong_word_is_refused_before_a_byte_moves(
    tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        run.more_env["COLUMNS"] = "200"
        process = run.start("run", *words)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, said in " ".join(err.replace("│", " ").split())) == (status, True), err
    assert (gateway.objects, gateway.requests) == ({}, [])


def test_several_files_have_a_workflow_each(tmp_path: Path) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        (tmp_path / "b.csv").write_text("x\n1\n", encoding="utf-8")
        run.does("hpc-gateway run fft 'a file.csv' b.csv --on demo -o results --yes")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"a file_fft.csv", "b_fft.csv"}
    assert [request["check"] for request in gateway.requests] == [False, False]
    assert gateway.objects == {}
