"""Judgement of a staged table: how a job with `params.table` would read it, or the first problem.

The table is standard input, so that this process needs no access to any other file. Each judgement is one
line of JSON: of the beginning of a long table first, of all of it then.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpc_kernels.confinement import confine
from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.judged_binary import judge_binary
from hpc_kernels.jobs.judged_text import judge_text
from hpc_kernels.jobs.judgement import Judgement
from hpc_kernels.tables.input import has_binary_format

_MEMORY_BYTES = 3 << 29
_SCRATCH_BYTES = 4 << 30


def judge_standard_input(name: str) -> Iterator[str]:
    """Yield the judgements of the table on standard input, which messages call `name`.

    The current folder is for scratch files; it is empty, and this process's own.
    """
    confine(_MEMORY_BYTES, _SCRATCH_BYTES)
    path = Path(name)
    path.symlink_to(f"/proc/{os.getpid()}/fd/0")  # the decoder of Parquet opens it as well
    try:
        yield from map(_line, judge_file(path))
    finally:
        path.unlink()


def judge_file(path: Path) -> Iterator[Judgement]:
    """Yield the judgements of a table; the last one is of all of it."""
    try:
        yield from judge_binary(path) if has_binary_format(path) else judge_text(path)
    except BadInputError as error:
        yield Judgement(path, whole=True, problem=str(error))


def _line(judgement: Judgement) -> str:
    document: dict[str, Any] = judgement.document()
    preview = judgement.preview
    document["preview"] = base64.b64encode(preview.encode()).decode() if preview else None
    return json.dumps(document)
