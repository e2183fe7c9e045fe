"""`hpc-gateway run` is interrupted at every moment: accepted work and its object stay, and can be resumed."""

import re
import signal
from pathlib import Path

import pytest

from tests.held_gateway import RESULT, HeldGateway
from tests.polling import until
from tests.run_command import Process, running

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def interrupt(process: Process, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal, and return when the process has got it."""
    process.send_signal(number)
    status = Path(f"/proc/{process.pid}/status")

    def got() -> bool:
        pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", status.read_text(), re.MULTILINE)
        return not any(int(mask, 16) & (1 << (number - 1)) for mask in pending)

    until("the signal has arrived", got)


def printed(err: str) -> list[str]:
    """Return the commands that were printed."""
    return re.findall(r"hpc-gateway (?:run|jobs|transfers) .*", err)


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
@pytest.mark.parametrize("kind", ["s3_data", "job", "s3_result"])
def test_while_accepted_work_goes_on_it_is_left_alone_and_can_be_resumed(
    tmp_path: Path, kind: str, number: signal.Signals, times: int
) -> None:
    gateway = HeldGateway(f"GET /{kind}")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        for _ in range(times):
            if process.poll() is None:
                process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        row = gateway.accepted(kind)
        inputs = [key for key in gateway.objects if key.endswith("a file.csv")]
        assert len(inputs) == (kind == "s3_data"), "the input is there as long as its transfer goes on"
        group = "jobs" if kind == "job" else "transfers"
        assert printed(err)[:2] == [f"hpc-gateway {group} {verb} {row}" for verb in ("watch", "cancel")]
        gateway.released.set()
        run.does(printed(err)[0])
        run.does(printed(err)[-1])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert len(gateway.rows) == 3, "every step was accepted once"
    assert gateway.objects == {}, "and nothing stays in the bucket"


@pytest.mark.parametrize("kind", ["s3_data", "job", "s3_result"])
def test_an_interrupt_waits_for_the_answer_that_says_whether_it_is_accepted(
    tmp_path: Path, kind: str
) -> None:
    gateway = HeldGateway(f"POST /{kind}")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        first = process.stderr.readline() if kind == "s3_data" else _line(process, "waiting for")
        assert "interrupt again" in first
        gateway.released.set()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert f"{kind} {gateway.accepted(kind)}" in err
        run.does(printed(err)[-1])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert (len(gateway.rows), gateway.objects) == (3, {})


def _line(process: Process, words: str) -> str:
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def test_a_second_interrupt_ends_without_the_answer_and_leaves_the_object(tmp_path: Path) -> None:
    gateway = HeldGateway("POST /s3_data")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _line(process, "interrupt again")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    [key] = gateway.objects
    assert f"may have accepted the request s3_data {key}" in err
    assert f"stays in the bucket: {key}" in err


def test_while_the_result_is_downloaded_the_job_can_be_resumed(tmp_path: Path) -> None:
    gateway = HeldGateway("GET object")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        interrupt(process)
        gateway.released.set()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        again = f"hpc-gateway run fft 'a file.csv' --on demo --resume {gateway.accepted('job')}"
        assert printed(err) == [again]
        gateway.moment = ""
        run.does(printed(err)[0])
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert gateway.objects == {}


@pytest.mark.parametrize("kind", ["s3_data", "job", "s3_result"])
def test_a_gateway_that_is_lost_while_the_work_goes_on_leaves_it_alone(tmp_path: Path, kind: str) -> None:
    gateway = HeldGateway(f"GET /{kind}", away=f"GET /{kind}")
    with running(tmp_path, gateway) as run:
        process = run.workflow()
        assert gateway.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert f"watch {gateway.accepted(kind)}" in err


def test_a_refused_request_leaves_no_object(tmp_path: Path) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "refused")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert (gateway.objects, printed(err)) == ({}, [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--resume", "nonsense"), "no such row"),
        (("--bucket", "other", "--resume", "{s3_data}"), "bucket other"),
        (("--on", "other", "--resume", "{job}"), "cluster demo"),
    ],
)
def test_what_is_no_work_of_this_run_is_not_resumed(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        run.does("hpc-gateway run fft 'a file.csv' --on demo")
        ids = {kind: gateway.accepted(kind) for kind in ("s3_data", "job")}
        options = [word.format(**ids) for word in words]
        process = run.start("run", "fft", "a file.csv", "--on", "demo", *options)
        _, err = process.communicate(timeout=60)
    assert process.returncode in {1, 4}, err
    assert said in err
    assert (len(gateway.rows), gateway.objects) == (3, {})
