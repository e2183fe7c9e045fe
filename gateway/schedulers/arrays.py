"""Job arrays: the names, folders and ids of their members, whose indices run from 1 to the array's size.

The indices are places and nothing more: which work a place holds, its folder tells.
"""

import re
from pathlib import Path

_MEMBER = re.compile(r"(?P<array>.+)\[(?P<index>[1-9][0-9]*)\]", re.ASCII)


def member_name(array: str, index: int) -> str:
    """Return the name under which a scheduler reports the member of an array."""
    return f"{array}[{index}]"


def split_name(name: str) -> tuple[str, int | None]:
    """Return the name of the array and the member's index; None for a job that is no member."""
    match = _MEMBER.fullmatch(name)
    return (match["array"], int(match["index"])) if match else (name, None)


def member_folder(array: Path, index: int) -> Path:
    """Return the control folder of a member of the array with that control folder."""
    return array / str(index)


def member_id(array_id: str, index: int) -> str:
    """Return the scheduler's id of a member, as Slurm prints it."""
    return f"{array_id}_{index}"


def array_id(scheduler_id: str) -> str:
    """Return the id of the array, from its own or from that of a member."""
    return scheduler_id.partition("_")[0]
