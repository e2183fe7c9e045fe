"""The page of all settings, from the settings: `python -m tests.settings_page > docs/settings.md`."""

import sys

from pydantic import SecretStr

from gateway.settings import Settings

HEAD = """\
# Settings

Environment variables, lines of the file that `GATEWAY_ENV_FILE` names, or files in `/run/secrets` named
like the variable in small letters (`gateway_redis_url`); the first of them wins. Without `GATEWAY_ENV_FILE`
no `.env` is read: a command that finds one in its folder says so, with the line to set. Relative paths (the
database's file, `infrastructures.toml`, key files) begin at the folder where the command is called. All
processes of the gateway read the same ones (API, workers, beat, Flower); `hpc-gateway key` makes a key.
Durations are in seconds.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """Return the page."""
    own = [name for name in Settings.model_fields if name in Settings.__annotations__]
    inherited = [name for name in Settings.model_fields if name not in own]
    return HEAD + "".join(map(_row, [*own, *inherited]))


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = field.get_default(call_default_factory=True)
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    shown = "" if value in (None, []) else f"`{value}`"
    return f"| `GATEWAY_{name.upper()}` | {shown} | {field.description} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
