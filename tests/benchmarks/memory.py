"""The memory of the API under load: `python -m tests.benchmarks.memory [SECONDS]`.

32 clients repeat `POST /s3_data` by `wrk`, on SQLite; a line a round tells how much the API has then.
"""

import sys
import tempfile
from pathlib import Path

import psutil

from tests.benchmarks.door import Load, services
from tests.faults.killing import tree

ROUNDS = 6


def main() -> None:
    """Print the memory before the first round and after each."""
    seconds = int(sys.argv[1]) if sys.argv[1:] else 60
    with tempfile.TemporaryDirectory() as name:
        url, plain_url = (f"sqlite:///{name}/{each}.db" for each in ("api", "plain"))
        with services(url, plain_url, Path(name)) as (api, _plain):
            print(f"before: {memory_mib(api.pid):.0f} MiB", flush=True)
            for number in range(1, ROUNDS + 1):
                found = api.measure(Load("POST", "POST", 32), seconds // ROUNDS)
                after = number * seconds // ROUNDS
                print(f"after {after} s: {memory_mib(api.pid):.0f} MiB, {found.rate:.0f}/s", flush=True)


def memory_mib(pid: int) -> float:
    """Return the unshared memory of a process and its children."""
    return float(sum(each.memory_full_info().uss for each in tree(psutil.Process(pid)))) / (1 << 20)


if __name__ == "__main__":
    main()
