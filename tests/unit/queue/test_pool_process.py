"""A pool process that found no memory ends after its task; its pool starts another, and loses no task."""

import subprocess
import sys

PROGRAM = """
import os
from billiard.pool import Pool
from gateway.queue.pool_process import end_after_task, recycled_above_kib
with Pool(1, max_memory_per_child=recycled_above_kib(0)) as pool:
    first, again = (pool.apply(os.getpid) for _ in range(2))
    pool.apply(end_after_task)
    print(first == again, pool.apply(os.getpid) == first)
"""


def test_the_next_task_has_a_fresh_process() -> None:
    command = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said == "True False\n"
