"""Placement of a job: the check of its files and folders on the cluster, just before it is submitted.

The kernels follow links. A link that is made after the check leads them further than the owner may go: only
an account of the cluster that may write to the owner's folders can make one, since no request makes links.
"""

from gateway.filesystems.base import Filesystem
from gateway.jobs.folders import OUTPUT, JobFolders
from gateway.jobs.services import RESULT_FILES


def check_placement(folders: JobFolders, services: list[str], filesystem: Filesystem) -> None:
    """Raise FilesystemError when a job would read or write a place that its owner's requests may not.

    A missing file is no error here: the kernel names the parameter that it needs.
    """
    read = [folders.input]
    if "knn" in services:
        read += [folders.labels, folders.inference, *filesystem.links(folders.inference)]
    for path in read:
        filesystem.exists(path)
    published = [(folders.data / OUTPUT / RESULT_FILES[service]).parent for service in services]
    for path in (folders.data / OUTPUT, *published, folders.profile):
        filesystem.check_writable(path)
