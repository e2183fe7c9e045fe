"""Tables that want to hurt, given to the kernels as a job is: judged in bounded time and memory."""

import re
import time
from pathlib import Path

import pytest

from tests.kernels.job_folder import JobFolder

MIB = 1 << 20
MILLION = 1_000_000
WITHIN_S = 60.0
# Python, NumPy and Numba alone are 100 MiB; a character of the table may take so many bytes while it is read.
BASE_BYTES, PER_BYTE = 250 * MIB, 24
NAMES = ";".join(f"s{number}" for number in range(MILLION)).encode()
CELLS = b";".join([b"1.5"] * MILLION)
HUGE = 16 * MIB

REFUSED = {
    "a million columns and no row": (NAMES + b"\n", "row 2: expected at least one sample, found none"),
    "a million columns, the last cell is none": (
        NAMES + b"\n" + CELLS[:-3] + b"one\n",
        "row 2, column 1000000 ('s999999'): expected a finite number, found 'one'",
    ),
    "a million columns, one cell is missing": (NAMES + b"\n" + CELLS[:-4] + b"\n", "row 2"),
    "a million names that are none": (b";" * MILLION + b"\n" + CELLS + b"\n", "row 1: expected the names"),
    "a huge name": (b"x" * HUGE + b"\n1\n", "row 1: expected at most 16,777,216 bytes"),
    "a huge cell": (b"x\n" + b"1" * HUGE + b"\n", "row 2, column 1 ('x'): expected a number of at most"),
    "a huge row": (
        b"a;b\n" + b"1;" * (HUGE // 2) + b"1\n",
        "row 2, column 3: expected 2 cells, found 8388609",
    ),
    "one line without an end": (b"1" * HUGE, "expected a number of at most"),
    "nothing but zero bytes": (b"\0" * HUGE, "expected a table as CSV text"),
    "nothing but quotes": (b'"' * HUGE, "row 1: expected the names"),
    "nothing but line ends": (b"x\n" + b"\n" * HUGE, "row 2: expected at least one sample"),
}


def run(jobs: JobFolder, table: bytes) -> tuple[int, str]:
    """Run `fft` on the table; return its exit status and what it said, having looked at time and memory."""
    process = jobs.start(jobs.job_file(jobs.input(table), {"fft": {}}), rank=0, ranks=1)
    end, peak = time.monotonic() + WITHIN_S, 0
    try:
        while process.poll() is None:
            assert time.monotonic() < end
            peak = max(peak, _peak_bytes(process.pid))
            time.sleep(0.01)
    finally:
        process.kill()
        said = process.communicate()[1]
    assert 0 < peak < BASE_BYTES + PER_BYTE * len(table)
    return process.returncode, said


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0  # it has just ended


@pytest.mark.parametrize(("table", "words"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_is_none_is_refused_in_a_few_words(tmp_path: Path, table: bytes, words: str) -> None:
    jobs = JobFolder(tmp_path)
    status, said = run(jobs, table)
    assert (status, words in said) == (2, True), said
    assert len(said) < 1000
    assert [path.name for path in jobs.published.rglob("*") if path.is_file()] == ["usage.0.json"]


def test_a_million_signals_that_are_well_formed_are_computed(tmp_path: Path) -> None:
    jobs = JobFolder(tmp_path)
    status, said = run(jobs, NAMES + b"\n" + (CELLS + b"\n") * 2)
    assert status == 0, said
    head, *rows = (jobs.published / "CSVFormate/FFT_Filter_output.csv").read_bytes().splitlines()
    assert head.rstrip(b";") == NAMES
    assert [row.count(b";") - head.count(b";") for row in rows] == [0, 0]
