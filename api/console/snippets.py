"""The request of a row as a user writes it: for curl, and for the Python client."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from gateway.work.listing import Kind

_ECHOED: dict[Kind, tuple[str, ...]] = {
    "job": ("services", "infrastructure", "params"),
    "s3_data": ("endpoint", "bucket", "object", "region", "dst", "infrastructure"),
    "s3_result": ("endpoint", "bucket", "object", "region", "src", "infrastructure"),
    "data": ("src", "dst", "infrastructure"),
}
_KEYS = (("access_key", "AWS_ACCESS_KEY_ID"), ("secret_key", "AWS_SECRET_ACCESS_KEY"))


@dataclass(frozen=True)
class Snippets:
    """A request as text for the shell and for Python."""

    curl: str
    python: str


def snippets(kind: Kind, row: dict[str, Any], base: str, *, has_accounts: bool) -> Snippets:
    """Return the request that makes such a row once more."""
    body = {name: row[name] for name in _ECHOED[kind] if row.get(name) is not None}
    return snippets_of(f"{base}/{kind}", body, needs_keys=kind.startswith("s3"), has_accounts=has_accounts)


def snippets_of(url: str, body: dict[str, Any], *, needs_keys: bool, has_accounts: bool) -> Snippets:
    """Return a POST of the body; secrets are named, not shown."""
    return Snippets(
        _curl(url, body, needs_keys=needs_keys, has_accounts=has_accounts),
        _python(url, body, needs_keys=needs_keys, has_accounts=has_accounts),
    )


def _curl(url: str, body: dict[str, Any], *, needs_keys: bool, has_accounts: bool) -> str:
    lines = [f"curl {shlex.quote(url)}"]
    if has_accounts:
        lines.append('-H "Authorization: Bearer $GATEWAY_API_KEY"')
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return " \\\n  ".join([*lines, f"-d {_with_keys(text) if needs_keys else shlex.quote(text)}"])


def _with_keys(text: str) -> str:
    """Return a JSON object as a word of the shell, which puts variables for the keys into it."""
    quoted = shlex.quote(text.removesuffix("\n}"))
    for name, variable in _KEYS:
        quoted += shlex.quote(f',\n  "{name}": "') + f'"${variable}"' + shlex.quote('"')
    return quoted + shlex.quote("\n}")


def _python(url: str, body: dict[str, Any], *, needs_keys: bool, has_accounts: bool) -> str:
    written = _literal(body)
    if needs_keys:
        keys = "".join(f'    "{name}": os.environ["{variable}"],\n' for name, variable in _KEYS)
        written = written.removesuffix("}") + keys + "}"
    headers = (
        'headers = {"Authorization": "Bearer " + os.environ["GATEWAY_API_KEY"]}\n' if has_accounts else ""
    )
    send = ", headers=headers" if has_accounts else ""
    imports = "import os\n\n" if needs_keys or has_accounts else ""
    call = f"print(httpx.post({url!r}, json=body{send}).json())"
    return f"{imports}import httpx\n\n{headers}body = {written}\n{call}"


def _literal(body: dict[str, Any]) -> str:
    """Return the body as a Python literal, a key a line."""
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in body.items())
    return f"{{\n{lines}}}"
