"""A request as a user writes it: for curl, and for Python. Secrets are variables of the environment."""

import json
import secrets
import shlex
from dataclasses import dataclass
from typing import Any

from gateway.settings import get_settings
from gateway.work.listing import WorkKind

_ECHOED: dict[WorkKind, tuple[str, ...]] = {
    "job": ("services", "infrastructure", "params"),
    "s3_data": ("endpoint", "bucket", "object", "region", "dst", "infrastructure"),
    "s3_result": ("endpoint", "bucket", "object", "region", "src", "infrastructure"),
    "data": ("src", "dst", "infrastructure"),
}


@dataclass(frozen=True)
class Variable:
    """A variable of the environment, in the place of a secret."""

    name: str


@dataclass(frozen=True)
class Snippets:
    """A request as text for the shell and for Python."""

    curl: str
    python: str


KEYS = {"access_key": Variable("AWS_ACCESS_KEY_ID"), "secret_key": Variable("AWS_SECRET_ACCESS_KEY")}
TOKEN = {"session_token": Variable("AWS_SESSION_TOKEN")}


def snippets_of_row(kind: WorkKind, row: dict[str, Any], base: str) -> Snippets:
    """Return the request that makes a transfer or a job like the row."""
    body = {name: row[name] for name in _ECHOED[kind] if row.get(name) is not None}
    return make_snippets(f"{base}/{kind}", body | (KEYS if kind.startswith("s3") else {}))


def make_snippets(url: str, body: dict[str, Any]) -> Snippets:
    """Return a POST of the body."""
    marks: dict[str, str] = {}
    marked: dict[str, Any] = _mark(body, marks)
    has_accounts = get_settings().auth != "none"
    return Snippets(
        _curl(url, marked, marks, has_accounts=has_accounts),
        _python(url, marked, marks, has_accounts=has_accounts),
    )


def _mark(value: Any, marks: dict[str, str]) -> Any:
    """Replace variables by random marks, which no other text of the body holds."""
    if isinstance(value, Variable):
        mark = secrets.token_hex(16)
        marks[mark] = value.name
        return mark
    if isinstance(value, dict):
        return {name: _mark(each, marks) for name, each in value.items()}
    return [_mark(each, marks) for each in value] if isinstance(value, list) else value


def _curl(url: str, body: dict[str, Any], marks: dict[str, str], *, has_accounts: bool) -> str:
    lines = [f"curl {shlex.quote(url)}"]
    if has_accounts:
        lines.append('-H "Authorization: Bearer $GATEWAY_API_KEY"')
    text = shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))
    for mark, name in marks.items():
        text = text.replace(mark, f"'\"${name}\"'")
    return " \\\n  ".join([*lines, f"-d {text}"])


def _python(url: str, body: dict[str, Any], marks: dict[str, str], *, has_accounts: bool) -> str:
    written = "".join(f"    {name!r}: {value!r},\n" for name, value in body.items())
    for mark, name in marks.items():
        written = written.replace(repr(mark), f'os.environ["{name}"]')
    headers = (
        'headers = {"Authorization": "Bearer " + os.environ["GATEWAY_API_KEY"]}\n' if has_accounts else ""
    )
    send = ", headers=headers" if has_accounts else ""
    imports = "import os\n\n" if marks or has_accounts else ""
    call = f"print(httpx.post({url!r}, json=body{send}).json())"
    return f"{imports}import httpx\n\n{headers}body = {{\n{written}}}\n{call}"
