"""Absolute paths of a cluster's configuration."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator


def _check_absolute(path: PurePosixPath) -> PurePosixPath:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("the path has to be absolute and without '..'")
    return PurePosixPath("/", *path.parts[1:])  # `//x` is a path of its own for POSIX, and `/x` here


AbsolutePath = Annotated[PurePosixPath, AfterValidator(_check_absolute)]
