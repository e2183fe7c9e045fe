"""Time of the demo's three steps, with an empty and with a filled cache of compiled kernels.

Run it as `python -m tests.benchmarks.workflow`. The compute step is also the start-up of a kernel job.
"""

import itertools
import shutil
import tempfile
import time
from pathlib import Path

from hpc_gateway_commands.demo.run import DST, RECORDING, RESULT
from hpc_gateway_commands.demo.stack import running_stack
from tests.client import Client, client_of, recording

RUNS = 3


def three_steps(client: Client) -> list[float]:
    """Return the seconds of each step, as a client that polls sees them."""
    marks = [time.perf_counter()]
    client.moved("/s3_data", client.stage_in(RECORDING, DST))
    marks.append(time.perf_counter())
    path = f"/Init_Data/raw_data_input_fft/{RECORDING}"
    assert client.finished(client.compute(["fft"], path))["success"]
    marks.append(time.perf_counter())
    client.moved("/s3_result", client.stage_out(RESULT, "spectrum.csv"))
    marks.append(time.perf_counter())
    return [after - before for before, after in itertools.pairwise(marks)]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False) as stack,
        client_of(stack) as client,
    ):
        client.put(RECORDING, recording())
        client.moved("/s3_data", client.stage_in(RECORDING, DST))  # until the worker is up
        print("| run | `POST /s3_data` s | `POST /job` s | `POST /s3_result` s |\n|---|---|---|---|")
        for kind in ("cold", "warm"):
            for run in range(RUNS):
                if kind == "cold":
                    shutil.rmtree(stack.home / ".cache", ignore_errors=True)
                times = " | ".join(f"{seconds:.2f}" for seconds in three_steps(client))
                print(f"| {kind} {run + 1} | {times} |")


if __name__ == "__main__":
    main()
