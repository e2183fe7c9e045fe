"""`hpc-gateway demo`: start everything, run the three steps on a real recording, check, draw, stop."""

import signal
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from gateway.errors import GatewayError
from hpc_gateway_client import Gateway, Job, Store, Transfer
from hpc_gateway_commands.demo.check import draw, largest_error, read_table
from hpc_gateway_commands.demo.machine_code import share_machine_code
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from hpc_gateway_commands.demo.using import describe_use

BUCKET = "recordings"
RECORDING = "acceleration_12.csv"
DST = f"serrano/data/Init_Data/raw_data_input_fft/{RECORDING}"
INPUT = f"/Init_Data/raw_data_input_fft/{RECORDING}"
SPECTRUM = "spectrum.csv"
RESULT = "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"
TOLERANCE = 1e-10
PERIOD_S = 0.5


def run_demo(picture: Path, *, keep: bool) -> None:
    """Run the demo, and leave nothing but the picture."""
    console = Console()
    for end_signal in (signal.SIGTERM, signal.SIGINT):  # the latter is ignored in some shells' background
        signal.signal(end_signal, _interrupt)
    with (
        tempfile.TemporaryDirectory(prefix="hpc-gateway-demo-") as folder,
        running_stack(Path(folder) / "stack", lambda what: console.print(f"  starting {what}")) as stack,
    ):
        share_machine_code(stack.home)
        console.print(f"[bold]Page[/] {stack.api_url}/", soft_wrap=True)
        console.print(f"[bold]API[/] {stack.api_url}, Swagger UI {stack.api_url}/docs", soft_wrap=True)
        console.print(f"[bold]Flower[/] {stack.flower_url} (demo / {stack.flower_password})", soft_wrap=True)
        _walk_through(stack, Path(folder), picture, console)
        if keep:
            _keep_running(stack, Path(folder) / RECORDING, console)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _walk_through(stack: Stack, folder: Path, picture: Path, console: Console) -> None:
    recording = folder / RECORDING
    recording.write_bytes(resources.files("hpc_gateway_commands.demo").joinpath(RECORDING).read_bytes())
    stack.store.client().create_bucket(Bucket=BUCKET)
    store = Store(stack.store.url, BUCKET, stack.store.access_key, stack.store.secret_key)
    store.upload(recording, RECORDING)
    with Gateway(stack.api_url, INFRASTRUCTURE, store) as gateway:
        _three_steps(gateway, stack, console)
    store.download(SPECTRUM, folder / SPECTRUM)
    _check_result(recording, folder / SPECTRUM, picture, console)


def _three_steps(gateway: Gateway, stack: Stack, console: Console) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description:32}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        gateway.stage_in(RECORDING, DST, _bar(progress, stack, "1. POST /s3_data   S3 to cluster"))
        gateway.compute(["fft"], INPUT, report=_bar(progress, stack, "2. POST /job       fft"))
        gateway.stage_out(RESULT, SPECTRUM, _bar(progress, stack, "3. POST /s3_result cluster to S3"))


def _bar(progress: Progress, stack: Stack, title: str) -> Callable[[Transfer | Job], None]:
    """Show one step: a bar of bytes for a transfer, the state for a job; end it with a part of the stack."""
    task = progress.add_task(title, total=None)

    def report(row: Transfer | Job) -> None:
        stack.check_parts()
        if isinstance(row, Transfer):
            progress.update(task, completed=row.bytes_done, total=row.bytes_total)
        else:
            size = sum(output.bytes for output in row.outputs)
            progress.update(task, completed=size, total=size or None, description=f"{title} {row.state}")

    return report


def _check_result(recording: Path, result: Path, picture: Path, console: Console) -> None:
    names, signals = read_table(recording)
    _, spectra = read_table(result)
    error = largest_error(signals, spectra)
    if not error <= TOLERANCE:
        raise GatewayError(f"the spectrum differs from SciPy's by {error:.1e}, more than {TOLERANCE:.0e}")
    draw(names, signals, spectra, picture)
    console.print(f"[green]Agrees with SciPy[/]: largest relative difference {error:.1e}")
    console.print(f"[bold]Picture[/] {picture.resolve()}", soft_wrap=True)


def _keep_running(stack: Stack, recording: Path, console: Console) -> None:
    for line in describe_use(stack, BUCKET, recording):
        console.print(Text(line), soft_wrap=True)  # a line stays one, to be pasted
    console.print("Running until Ctrl-C.")
    try:
        while True:
            stack.check_parts()
            time.sleep(PERIOD_S)
    except KeyboardInterrupt:
        console.print("Stopping.")
