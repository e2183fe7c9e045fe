"""`hpc-gateway demo` in a folder of its own, and the processes and files that are left of it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

END_S = 150.0


class Demo:
    """A demo in a folder of its own."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.process, self._folder = process, folder

    @property
    def said(self) -> str:
        """Its output so far."""
        return (self._folder / "output").read_text(encoding="utf-8")

    def says(self, words: str) -> bool:
        """Tell whether it has printed the words; a demo that has ended will not."""
        assert self.process.poll() is None, self.said
        return words in self.said

    @property
    def api_url(self) -> str:
        """Where it says that its API is."""
        found = re.search(r"API (http://[0-9.:]+)", self.said)
        assert found, self.said
        return found[1]

    def left(self) -> list[str]:
        """Return the processes and temporary files that are left of it."""
        processes = [str(process) for process in _of(self._folder)]
        return processes + [str(path) for path in (self._folder / "tmp").rglob("*")]


def _of(folder: Path) -> Iterator[psutil.Process]:
    """Find every process whose environment or command line names the folder."""
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in told):
            yield process


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Demo]:
    (folder / "tmp").mkdir(parents=True)
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "COLUMNS": "200"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hpc_gateway_client", "demo", *options],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Demo(folder, process)
    finally:
        process.kill()
        process.wait()
        for left in _of(folder):
            left.kill()
