"""The memory limit of a pool process: private memory alone, and mapped files beyond it."""

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 1 << 28
PROGRAM = """
import mmap, sys
from workers.memory_limit import limit_memory
limit_memory()
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    print(len(mapped), mapped[-1])
try:
    bytearray(1 << 28)
except MemoryError:
    print("refused")
"""


def test_private_memory_is_limited_and_mapped_files_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_WORKER_MEMORY_BYTES", str(LIMIT))
    with (tmp_path / "large").open("wb") as file:
        file.truncate(4 * LIMIT)  # it takes no space
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "large")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == f"{4 * LIMIT} 0\nrefused\n"
