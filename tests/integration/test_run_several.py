"""`hpc-gateway run` with several files: one that fails keeps no result of the others."""

import json
from pathlib import Path

from tests.held_gateway import RESULT, HeldGateway
from tests.run_command import running


def test_a_failure_of_one_file_keeps_no_result_of_the_others(tmp_path: Path) -> None:
    gateway = HeldGateway()
    gateway.failing = "a file.csv"
    with running(tmp_path, gateway) as run:
        (run.folder / "b.csv").write_text("x\n1\n")
        process = run.start("run", "fft", "a file.csv", "b.csv", "--on", "demo", "--json")
        out, err = process.communicate(timeout=60)
        result = run.folder / "b_fft.csv"
        assert (process.returncode, result.read_bytes()) == (3, RESULT), err
        assert not (run.folder / "a file_fft.csv").exists()
    assert "a job failed" in err
    assert [each["state"] for each in json.loads(out)] == ["failed", "succeeded"]
    assert not gateway.objects, "nothing stays in the bucket"


def test_the_time_allowed_is_for_all_files(tmp_path: Path) -> None:
    gateway = HeldGateway("GET /workflow")
    with running(tmp_path, gateway) as run:
        (run.folder / "b.csv").write_text("x\n1\n")
        process = run.start("run", "fft", "a file.csv", "b.csv", "--on", "demo", "--timeout", "0.3")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 6, err
    assert err.count("workflow attach") == 2, "both go on"
