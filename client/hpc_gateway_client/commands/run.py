"""`hpc-gateway run`: the whole workflow in one line, from a file here to its result here."""

import getpass
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.connection import connect_to_wait
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.progress import progress_lines
from hpc_gateway_client.commands.services import CLASSES, check_services
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.store import Store

FOLDER = "serrano/data"


def run(
    services: Annotated[str, typer.Argument(help="One service, or several with commas: fft,min_max")],
    data: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The input CSV.")],
    *,
    on: Annotated[str, typer.Option(help="The cluster to run on.")],
    bucket: Annotated[
        str, typer.Option(envvar="GATEWAY_BUCKET", help="Bucket that input and result pass through.")
    ],
    result: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the result; only with one service.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="AWS profile with endpoint and keys; else the AWS variables.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of the job: num_mpi_procs=2")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the objects in the bucket.")] = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Upload a file, run services on it, download the result."""
    wanted = services.split(",")
    check_services(wanted)
    if result is not None and len(wanted) > 1:
        raise typer.BadParameter("each service has a result of its own; leave --output out")
    store = Store.from_environment(bucket, profile)
    params = parameters(param or [])
    with (
        connect_to_wait(url, on, store) as gateway,
        _unique_keys(store, keep=keep) as new_key,
        progress_lines() as add_line,
    ):
        key = new_key(data.name)
        store.upload(data, key)
        place = f"Init_Data/{key}"
        gateway.stage_in(key, f"{FOLDER}/{place}", add_line("S3 to cluster"))
        job = gateway.compute(wanted, f"/{place}", params, add_line(" ".join(wanted)))
        for made in job.outputs:
            key = new_key(f"{made.service}{Path(made.path).suffix}")
            gateway.stage_out(made.path, key, add_line(f"{made.service} to S3"))
            _download(store, key, result or data.with_name(f"{data.stem}_{Path(key).name}"))
    if as_json:
        output.print_json(job)


@contextmanager
def _unique_keys(store: Store, *, keep: bool) -> Iterator[Callable[[str], str]]:
    """Give a function that makes a key of this run alone for a file; delete the objects at the end."""
    prefix = f"hpc-gateway/{getpass.getuser()}-{uuid4().hex[:12]}"
    keys: list[str] = []

    def new_key(file: str) -> str:
        keys.append(f"{prefix}/{file}")
        return keys[-1]

    try:
        yield new_key
    finally:
        for key in [] if keep else keys:
            with suppress(GatewayClientError):
                store.delete(key)


def _download(store: Store, key: str, file: Path) -> None:
    store.download(key, file)
    typer.echo(clean(str(file)), err=True)


def parameters(words: list[str]) -> dict[str, object]:
    """Read `name=number` or `service.option=value`."""
    params: dict[str, object] = {}
    options: dict[str, dict[str, object]] = {}
    for word in words:
        name, _, text = word.partition("=")
        if not (name and text):
            raise typer.BadParameter(f"{word!r} is not name=value")
        service, dot, option = name.partition(".")
        if dot and service in CLASSES:
            options.setdefault(service, {})[option] = _value(text)
        else:
            params[name] = _value(text)
    return params | options


def _value(text: str) -> object:
    """Read a number where it is one that JSON knows, else leave the text."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and math.isfinite(value) else text
