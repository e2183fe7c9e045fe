"""The end of a job: its outputs and the reason of its failure, read from the attempt's folder."""

import json
from pathlib import PurePosixPath
from typing import Any

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.paths import client_path
from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs.folders import attempt_folder
from gateway.jobs.spec import OUTPUTS_FILE
from gateway.models import Job
from gateway.schedulers.batch_script import STDERR
from gateway.states import JobState
from gateway.work.failures import ON_REQUEST

MANIFEST_LIMIT_BYTES = 1 << 20
STDERR_TAIL_BYTES = 4096
# The launcher writes after a failed rank and hides the rank's own error; its first error is its best line.
LAUNCHER_PREFIXES = ("srun:", "slurmstepd")
LAUNCHER_ERROR = "srun: error:"


def read_ending(
    job: Job, cluster: Cluster, filesystem: SharedFilesystem
) -> tuple[JobState, str, list[dict[str, Any]]]:
    """Return the job's final state, its reason and its outputs."""
    finding = job.finding or {}
    state, reason = JobState(finding["state"]), str(finding["reason"])
    folder = attempt_folder(job)
    if state is JobState.SUCCEEDED:
        try:
            return state, "", _read_outputs(folder, owner_roots(cluster, job.owner).home, filesystem)
        except FilesystemUnavailable:
            raise
        except (FilesystemError, ValueError, KeyError) as error:
            return JobState.FAILED, f"the job ended well but its outputs cannot be read: {error}", []
    if job.cancel_requested_at and state is JobState.CANCELLED:
        return state, ON_REQUEST, []
    return state, _last_error_line(folder, filesystem) or reason if state is JobState.FAILED else reason, []


def _read_outputs(
    folder: PurePosixPath, home: PurePosixPath, filesystem: SharedFilesystem
) -> list[dict[str, Any]]:
    manifest = json.loads(filesystem.read_text(folder / OUTPUTS_FILE, MANIFEST_LIMIT_BYTES))
    return [entry | {"path": client_path(PurePosixPath(entry["path"]), home)} for entry in manifest]


def _last_error_line(folder: PurePosixPath, filesystem: SharedFilesystem) -> str:
    """Return the last line of stderr, in which a kernel names its error."""
    try:
        text = filesystem.read_text(folder / STDERR, STDERR_TAIL_BYTES, tail=True)
    except FilesystemError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(LAUNCHER_PREFIXES)]
    launchers = [line for line in lines if line.startswith(LAUNCHER_ERROR)]
    return (own[-1:] or launchers[:1] or [""])[0]
