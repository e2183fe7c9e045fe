"""The two folders of a run on its cluster: created by the first claim, found again by the later ones.

The control folder holds all that script, scheduler and gateway write; the output folder, below the owner's
data folder, holds all that the kernels write. Both are created exclusively: where a folder is already there,
the run takes the next number and leaves that folder alone.
"""

import logging
from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.errors import FilesystemError
from gateway.filesystems.base import Filesystem, Folder
from gateway.filesystems.opening import open_control, open_control_root, open_filesystem
from gateway.jobs.folders import control_folder, control_path, in_one_folder, output_folder
from gateway.models import Job
from gateway.schedulers.attempt_record import START_RECORD, abandoned_start
from gateway.schedulers.batch_script import STARTED

MOST_TAKEN = 100
_CONTROL_MODE, _OUTPUT_MODE = 0o700, 0o750
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFolders:
    """The folders of one run; the same one twice for a run from before control and output were apart."""

    control: Folder
    output: Folder

    def are_intact(self, job: Job) -> bool:
        """Tell whether both folders are there, and the output folder is the one on record."""
        recorded = job.output_identity
        return recorded is not None and self.output.identity() == recorded and bool(self.control.identity())


def open_run(job: Job, cluster: Cluster) -> RunFolders:
    """Return the folders of the run that the scheduler got."""
    output = open_filesystem(cluster, job.owner).attempt_folder(output_folder(job), job.output_identity)
    if in_one_folder(job):
        return RunFolders(output, output)
    return RunFolders(open_control_of(job, cluster).attempt_folder(control_folder(job)), output)


def create_run(job: Job, cluster: Cluster) -> tuple[int, str]:
    """Create the folders of the job's next run; return its number and the identity of its output folder."""
    control, outputs = open_control(cluster), open_filesystem(cluster, job.owner)
    for run in range(job.run, job.run + MOST_TAKEN):
        folder = control.attempt_folder(control_path(cluster.control, job, run))
        if folder.create(_CONTROL_MODE) is not None:
            identity = outputs.attempt_folder(output_folder(job, run)).create(_OUTPUT_MODE)
            if identity is not None:
                return run, identity
        _log.warning("job %s: a folder of run %d is already there; the next number is taken", job.id, run)
    raise FilesystemError(
        f"{MOST_TAKEN} folders from {output_folder(job)} on are already there: remove them and retry the job"
    )


def prevent_start(job: Job, cluster: Cluster) -> bool:
    """Take the place of the run's start, so that no copy of it starts later; False unless that is certain.

    The scheduler may get a submission late, and a restarted one may wait again with a job that it had ended.
    """
    return prevent_start_in(open_run(job, cluster).control)


def prevent_start_in(folder: Folder) -> bool:
    """Take the place of the start in a control folder, of a run or of a member."""
    try:
        return take_start_in(folder)
    except FilesystemError as error:
        _log.warning("%s: a start could not be prevented: %s", folder.path.name, error.detail)
        return False


def take_start(job: Job, cluster: Cluster) -> bool:
    """Take the place of the run's start; False when it has started. A missing folder lets none start."""
    return take_start_in(open_run(job, cluster).control)


def take_start_in(folder: Folder) -> bool:
    """Take the place of the start in a control folder, of a run or of a member; see `take_start`."""
    if not folder.place(STARTED, abandoned_start()):
        return True
    found = folder.read_json(START_RECORD, STARTED)
    return found is not None and not found.pid


def remove_run(job: Job, cluster: Cluster, run: int) -> None:
    """Remove both folders of a run; missing ones are fine."""
    try:
        open_filesystem(cluster, job.owner).attempt_folder(output_folder(job, run)).remove()
    finally:
        if job.control_root:
            path = control_path(PurePosixPath(job.control_root), job, run)
            open_control_of(job, cluster).attempt_folder(path).remove()


def open_control_of(job: Job, cluster: Cluster) -> Filesystem:
    """Return the control area in which the job's runs began: the configuration may have moved it since."""
    return open_control_root(cluster, PurePosixPath(job.control_root))
