"""An ordinary account for the parts of a started stack, where root runs the tests."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from hpc_gateway_commands.demo.stack import Account, Stack, running_stack
from tests.machine_code import give_machine_code

NAME = "nobody"
ROOT = Path(__file__).parents[1]
# Shows the folders after the first below an open one in its place: root's home may hold the interpreter.
_OPEN = """
set -e
top=$1
mount --bind "$top" /mnt
mount -t tmpfs -o mode=755 none "$top"
shift
while [ "$1" != -- ]; do
  mkdir -p "$1"
  mount --bind "/mnt${1#"$top"}" "$1"
  shift
done
shift
umount -l /mnt
exec "$@"
"""


@cache
def ordinary_account() -> Account | None:
    """Return an account that can run this environment; None without one, or where the tests are not root."""
    if os.geteuid() != 0:
        return None
    found = pwd.getpwnam(NAME)
    become = ("setpriv", f"--reuid={found.pw_uid}", f"--regid={found.pw_gid}", "--clear-groups")
    account = Account(found.pw_uid, (*_opened(), *become, "--pdeathsig=TERM", "--"))
    return account if _runs_here(account) else None


def _runs_here(account: Account) -> bool:
    argv = [*account.prefix, sys.executable, "-P", "-c", "import gateway.processes"]
    return subprocess.run(argv, cwd="/", capture_output=True, check=False).returncode == 0


def needed_folders() -> set[Path]:
    """Return the folders of the interpreter, of its environment and of the program."""
    return {Path(sys.base_prefix), Path(sys.prefix), ROOT}


def _opened() -> Iterator[str]:
    """Yield the words that show what the account needs and others may not see, in a namespace of its own."""
    needed = needed_folders()
    for top in sorted({closed for path in needed if (closed := _closed(path))}):
        below = sorted(str(path) for path in needed if path.is_relative_to(top))
        yield from (
            "unshare",
            "--mount",
            "--propagation",
            "slave",
            "sh",
            "-c",
            _OPEN,
            "sh",
            str(top),
            *below,
            "--",
        )


def _closed(path: Path) -> Path | None:
    """Return the first folder on the way that others may not enter."""
    return next((folder for folder in (*reversed(path.parents), path) if not folder.stat().st_mode & 1), None)


def as_account(*argv: str) -> list[str]:
    """Return the command line that runs a command as the account."""
    account = ordinary_account()
    return [*(account.prefix if account else ()), *argv]


def own(path: Path) -> None:
    """Give a file or folder to the account."""
    account = ordinary_account()
    if account:
        os.chown(path, account.uid, -1)


@contextmanager
def open_folder(request: pytest.FixtureRequest, prefix: str) -> Iterator[Path]:
    """Make a folder that the account can enter, unlike pytest's; it stays when a test has failed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    yield folder
    if not request.session.testsfailed:
        shutil.rmtree(folder)


@contextmanager
def ordinary_stack(
    request: pytest.FixtureRequest, settings: Mapping[str, str], *, flower: bool = True
) -> Iterator[Stack]:
    """Run a stack as an ordinary account."""
    with open_folder(request, "hpc-gateway-stack-") as folder:
        home = folder / "home"
        home.mkdir()
        own(home)
        given = {"HOME": str(home), **settings}
        account = ordinary_account()
        with running_stack(folder / "stack", print, flower=flower, settings=given, account=account) as stack:
            give_machine_code(stack)
            yield stack
