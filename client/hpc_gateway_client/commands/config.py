"""Profiles of gateways in `~/.config/hpc-gateway/config.toml`: defaults of the client's variables.

```toml
default = "lab"

[lab]
url = "https://gateway.example.org"
token_file = "~/.config/hpc-gateway/lab.token"
cluster = "excess"
bucket = "recordings"
aws_profile = "lab"
```
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import typer

from hpc_gateway_client.commands.nearest import hint

_NAMES = ("url", "token_file", "cluster", "bucket")
VARIABLES = {**{name: f"GATEWAY_{name.upper()}" for name in _NAMES}, "aws_profile": "AWS_PROFILE"}
_PATHS = {"token_file"}
_chosen: list[str] = []


def chosen_profile() -> str | None:
    """Return the profile that this command was called with; None for the default."""
    return _chosen[0] if _chosen else None


def config_file() -> Path:
    """Return the file of the profiles."""
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "hpc-gateway" / "config.toml"


def use_profile(name: str | None) -> None:
    """Take the profile's values for variables of the environment that are not set.

    Without a name it is the file's `default`, if it has one.
    """
    _chosen[:] = [name] if name else []
    profiles = _read()
    chosen = name or profiles.get("default")
    if chosen is None:
        return
    values = profiles.get(str(chosen))
    if not isinstance(values, Mapping):
        names = [each for each, value in profiles.items() if isinstance(value, Mapping)]
        found = f"{config_file()} has no profile {str(chosen)!r}"
        if "://" in str(chosen):
            raise typer.BadParameter(f"{found}: an address is given to a command by its --url")
        raise typer.BadParameter(f"{found}: {hint(str(chosen), names)}")
    for key, value in values.items():
        if key not in VARIABLES or not isinstance(value, str):
            found = f"{config_file()}: {chosen}.{key} is no text that is known"
            raise typer.BadParameter(f"{found}: {hint(key, VARIABLES)}")
        text = str(Path(value).expanduser()) if key in _PATHS else value
        os.environ.setdefault(VARIABLES[key], text)


def _read() -> Mapping[str, object]:
    file = config_file()
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error
