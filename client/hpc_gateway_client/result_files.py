"""Files of this machine that the results of a run are saved to: their names, and the check of `output`."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.models import Output, WorkflowOutput


def result_name(stem: str, made: Output, ending: str = "") -> str:
    """Return the name of a result's file in its folder, or of a file beside it with another ending.

    Service and path are the gateway's words: neither leads out of the folder.
    """
    label = made.label if isinstance(made, WorkflowOutput) else made.service
    return f"{stem}_{PurePosixPath(label).name}{ending or PurePosixPath(made.path).suffix}"


def result_file(made: WorkflowOutput, data: Path, output: Path | str | None, *, is_only: bool) -> Path:
    """Return the file of a result: the one that is named, or one in the folder or beside the data."""
    name = result_name(data.stem, made)
    if output is None:
        return data.with_name(name)
    return Path(output) if is_only and not Path(output).is_dir() else Path(output) / name


def check_place(output: Path | str | None, results: int, data: Sequence[Path]) -> None:
    """Make the folder of several results; raise GatewayClientError where results cannot be saved so."""
    if output is None:
        folders = [file.parent for file in data]
    else:
        folders = [_folder_of(Path(output), results, is_folder=str(output).endswith(os.sep))]
        if any(is_same_file(Path(output), file) for file in data):
            raise GatewayClientError(f"output {output} is the input: name another file, or a folder")
    for folder in folders:
        if not os.access(folder, os.W_OK):
            raise GatewayClientError(f"no result can be written to the folder {folder}: name another output")


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether both paths lead to one file, which is there."""
    return one.exists() and other.exists() and one.samefile(other)


def _folder_of(output: Path, results: int, *, is_folder: bool) -> Path:
    """Return the folder of the results, which is made for several, or where `is_folder` tells of one."""
    if results == 1 and not is_folder and not output.is_dir():
        if not output.parent.is_dir():
            raise GatewayClientError(f"output {output}: there is no folder {output.parent}")
        return output.parent
    try:
        output.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        found = f"a file, and there are {results} results" if results > 1 else "a file"
        raise GatewayClientError(f"output {output} is {found}: name a folder") from None
    except OSError as error:
        raise GatewayClientError(f"output {output} cannot be made: {error.strerror}") from error
    return output
