"""SSH keys of the operator's for clusters that are added over REST: `keys.toml` in GATEWAY_SSH_KEYS."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.allow_list import check_entries_with_port
from gateway.errors import Invalid
from gateway.settings import get_settings

FILE = "keys.toml"
KNOWN_HOSTS = "known_hosts"
_USERNAME = "{username}"


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


Patterns = tuple[Annotated[str, AfterValidator(_check_pattern)], ...]


class OperatorKey(BaseModel):
    """A key: its file, the hosts and accounts that it is for, and the values that entries with it may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    hosts: Annotated[list[str], AfterValidator(check_entries_with_port)]
    usernames: tuple[str, ...]
    home: str = Field(f"/home/{_USERNAME}", description="Home of the accounts.")
    path: str = Field("", description="PATH of the scheduler's commands, where it is not the usual one.")
    python: Patterns = ()
    roots: Patterns = ()

    def home_of(self, username: str) -> PurePosixPath:
        """Return the home of an account."""
        return PurePosixPath(self.home.replace(_USERNAME, username))

    def allows(self, patterns: Patterns, value: str) -> bool:
        """Return whether one of the patterns fits the whole path, which leads nowhere by `..`."""
        return ".." not in PurePosixPath(value).parts and any(
            re.fullmatch(pattern, value) for pattern in patterns
        )


def operator_keys() -> dict[str, OperatorKey]:
    """Return the keys by name, as the file is now; none without GATEWAY_SSH_KEYS."""
    folder = get_settings().ssh_keys
    try:
        if folder is None or not (path := folder / FILE).is_file():
            return {}
        return _load(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise Invalid(f"GATEWAY_SSH_KEYS: {FILE} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=4)
def _load(path: Path, _changed: int) -> dict[str, OperatorKey]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, OperatorKey]).validate_python(tables)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"GATEWAY_SSH_KEYS: {FILE} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(
            f"GATEWAY_SSH_KEYS: {FILE}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error


def find_key(named: str) -> tuple[str, OperatorKey] | None:
    """Return name and key of an entry's `ssh_key.path`: its name, or its path in the operator's folder."""
    keys, folder = operator_keys(), get_settings().ssh_keys
    if named in keys:
        return named, keys[named]
    path = PurePosixPath(named)
    if folder is None or path.parent != PurePosixPath(folder):
        return None
    return next(((name, key) for name, key in keys.items() if key.file == path.name), None)
