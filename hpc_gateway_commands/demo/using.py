"""The text of `demo --keep`: the addresses and keys of the stack, and three lines to paste into a shell."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack


def describe_use(stack: Stack, bucket: str, recording: Path) -> list[str]:
    """Return the lines that say how to use the stack from another shell."""
    client = {
        "GATEWAY_URL": stack.api_url,
        "GATEWAY_BUCKET": bucket,
        "AWS_ENDPOINT_URL": stack.store.url,
        "AWS_ACCESS_KEY_ID": stack.store.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.store.secret_key,
        "AWS_REGION": "local",
    }
    operator = {name: value for name, value in stack.env.items() if name.startswith("GATEWAY_")}
    run = ("run", "fft", str(recording), "--on", INFRASTRUCTURE, "-o", "spectrum.csv")
    keys = f"access key {stack.store.access_key}, secret key {stack.store.secret_key}"
    return [
        f"API {stack.api_url}, cluster {INFRASTRUCTURE}",
        f"Store {stack.store.url}, bucket {bucket}, {keys}",
        "Paste into another shell: the client's settings, the operator's settings, and a first run:",
        _export(client),
        _export(operator),
        shlex.join([_program(), *run]),
    ]


def _export(variables: Mapping[str, str]) -> str:
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _program() -> str:
    """Return the command of this installation: it need not be on the PATH."""
    beside = Path(sys.executable).with_name("hpc-gateway")
    return str(beside) if beside.exists() else "hpc-gateway"
