"""The end of a job: its outputs and the reason of its failure, read from the folders of its run."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.cleaning import clean
from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.paths import client_path
from gateway.errors import FilesystemError
from gateway.filesystems.base import Folder
from gateway.jobs.lack_of_memory import LACK_OF_MEMORY, explain_lack_of_memory
from gateway.jobs.run_folders import RunFolders
from gateway.jobs.services import SERVICES
from gateway.models import Job
from gateway.schedulers.batch_script import ALREADY_STARTED, NO_FOLDER, STDERR
from gateway.schedulers.exit_words import is_crash, is_from_outside
from gateway.states import JobState
from gateway.work.failures import ON_REQUEST

OUTPUTS_FILE = "outputs.json"
STDERR_TAIL_BYTES = 4096
LONGEST_REASON = 1000
# The launcher writes after a failed rank and hides the rank's own error; its first error is its best line.
LAUNCHER_PREFIXES = ("srun:", "slurmstepd")
LAUNCHER_ERROR = "srun: error:"
SCRIPT_CODES = frozenset({NO_FOLDER, ALREADY_STARTED})  # with these the ranks did not run


class ListedOutput(BaseModel):
    """One entry of `outputs.json`, the kernels' list of the files that they wrote."""

    model_config = ConfigDict(frozen=True, strict=True)

    service: str = Field(pattern=f"^({'|'.join(SERVICES)})$")
    path: str = Field(pattern=r"^/[^\x00-\x1f\x7f]*$", max_length=4096)
    bytes: int = Field(ge=0, lt=2**63)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


_OUTPUTS = TypeAdapter(Annotated[list[ListedOutput], Field(max_length=len(SERVICES))])


def read_ending(
    job: Job,
    cluster: Cluster,
    folders: RunFolders,
    usage: dict[str, Any],
    of_member: dict[str, Any] | None = None,
) -> tuple[JobState, str, list[dict[str, Any]]]:
    """Return the job's final state, its reason and its outputs; the usage explains an end by memory.

    `of_member` is the finding of a member of the job, whose folders these are.
    """
    finding = of_member or job.finding or {}
    state, reason = JobState(finding["state"]), str(finding["reason"])
    if state is JobState.SUCCEEDED:
        try:
            return state, "", _read_outputs(folders.output, owner_roots(cluster, job.owner).home)
        except FilesystemError as error:
            if error.transient:
                raise
            return JobState.FAILED, f"the job ended well but its outputs cannot be read: {error}", []
    if job.cancel_requested_at and state is JobState.CANCELLED:
        return state, ON_REQUEST, []
    if state is JobState.FAILED and _is_of_ranks(finding.get("exit_code")):
        line = _last_error_line(folders.control)
        reason = f"{reason}: {line}" if line and is_crash(finding["exit_code"]) else line or reason
        if finding["exit_code"] == LACK_OF_MEMORY:
            state = JobState.OUT_OF_MEMORY
    elif state is JobState.OUT_OF_MEMORY:
        reason = explain_lack_of_memory(reason, usage)
    return state, reason, []


def _is_of_ranks(exit_code: int | None) -> bool:
    """Tell whether the ranks ended by themselves, so that their stderr names the cause."""
    return exit_code is not None and exit_code not in SCRIPT_CODES and not is_from_outside(exit_code)


def _read_outputs(folder: Folder, home: PurePosixPath) -> list[dict[str, Any]]:
    listed = folder.read_json(_OUTPUTS, OUTPUTS_FILE)
    if listed is None:
        raise FilesystemError(f"{OUTPUTS_FILE} is missing in {folder.path}")
    paths = [_confine(PurePosixPath(entry.path), folder.path) for entry in listed]
    return [
        entry.model_dump() | {"path": client_path(path, home)}
        for entry, path in zip(listed, paths, strict=True)
    ]


def _confine(path: PurePosixPath, folder: PurePosixPath) -> PurePosixPath:
    if ".." in path.parts or not path.is_relative_to(folder) or path == folder:
        raise FilesystemError(f"{OUTPUTS_FILE} names {str(path)!r}, expected a file below {folder}")
    return path


def _last_error_line(folder: Folder) -> str:
    """Return the last line of stderr, in which a kernel names its error."""
    try:
        text = folder.read_tail(STDERR, STDERR_TAIL_BYTES)
    except FilesystemError:
        return ""
    lines = [line.strip() for line in map(clean, text.splitlines()) if line.strip()]
    own = [line for line in lines if not line.startswith(LAUNCHER_PREFIXES)]
    launchers = [line for line in lines if line.startswith(LAUNCHER_ERROR)]
    return (own[-1:] or launchers[:1] or [""])[0][:LONGEST_REASON]
