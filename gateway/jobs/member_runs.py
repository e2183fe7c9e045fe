"""The folders of members on their cluster, and the specs of the arrays that they are submitted with.

Array `a` of a run has the control folder `<run>/<a>`, and the member at its place `p` the folder
`<run>/<a>/<p>`; its output folder is named by its number. Members that are submitted again in the same run
get another array.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import FilesystemError
from gateway.filesystems.opening import open_filesystem
from gateway.jobs.folders import JobFolders, control_folder, control_path, output_folder, output_name
from gateway.jobs.run_folders import RunFolders, open_control_of
from gateway.jobs.spec import JOB_FILE, job_spec, member_json
from gateway.models import Job, JobMember
from gateway.schedulers.arrays import array_id, member_name, split_name
from gateway.schedulers.base import JobSpec, SubmittedJob

_CONTROL_MODE, _OUTPUT_MODE = 0o700, 0o750
MOST_ARRAYS = 2000


def array_name(job: Job, array: int) -> str:
    """Return the name of an array of the job's run in the scheduler."""
    return f"{job.name}.{array}"


def place_members(job: Job, cluster: Cluster, members: Sequence[JobMember], array: int) -> None:
    """Create the folders and job files of the members of one array, and note them on the members.

    The run's own folders are there. A folder of the array that is there already, of a worker that died before
    it recorded it, leaves the next number to it.
    """
    array = _create_array(job, cluster, array)
    control = open_control_of(job, cluster).attempt_folder(control_folder(job) / str(array))
    output = open_filesystem(cluster, job.owner).attempt_folder(output_folder(job), job.output_identity)
    places = [str(place) for place in range(1, len(members) + 1)]
    control.create_below(places, _CONTROL_MODE)
    identities = output.create_below([output_name(member) for member in members], _OUTPUT_MODE)
    name = array_name(job, array)
    for place, (member, identity) in enumerate(zip(members, identities, strict=True), 1):
        member.run, member.array, member.place, member.output_identity = job.run, array, place, identity
        member.name = name if len(members) == 1 else member_name(name, place)
    control.write_below(dict(_job_files(job, cluster, members)))


def _create_array(job: Job, cluster: Cluster, first: int) -> int:
    area = open_control_of(job, cluster)
    for array in range(first, first + MOST_ARRAYS):
        if area.attempt_folder(control_folder(job) / str(array)).create(_CONTROL_MODE) is not None:
            return array
    raise FilesystemError(f"{control_folder(job)} has {MOST_ARRAYS} folders of arrays already: retry the job")


def _job_files(job: Job, cluster: Cluster, members: Sequence[JobMember]) -> Iterator[tuple[str, str]]:
    roots = owner_roots(cluster, job.owner)
    for member in members:
        folders = JobFolders.of(job.params | member.changes, roots)
        output = output_folder(job) / output_name(member)
        yield f"{member.place}/{JOB_FILE}", member_json(job, member, folders, output)


def distinct_folders(job: Job, cluster: Cluster, members: Sequence[JobMember]) -> list[JobFolders]:
    """Return the folders of the job, and those of members with paths of their own, each once."""
    roots = owner_roots(cluster, job.owner)
    changes = ({}, *(member.changes for member in members))
    found = (JobFolders.of(job.params | each, roots) for each in changes)
    return list({folders.model_dump_json(): folders for folders in found}.values())


def array_spec(job: Job, cluster: Cluster, members: Sequence[JobMember]) -> JobSpec:
    """Return the spec of the array of these members; the only member is a plain job in its own folder."""
    first = members[0]
    folder = Path(_array_folder(job, first))
    if len(members) == 1:
        folder = folder / str(first.place)
    return job_spec(job, cluster, split_name(first.name)[0], folder, len(members))


def submitted_array(job: Job, members: Sequence[JobMember]) -> SubmittedJob:
    """Return an array as the scheduler is asked about it after its submission."""
    if len(members) == 1:
        return submitted_member(job, members[0])
    name, folder = split_name(members[0].name)[0], Path(_array_folder(job, members[0]))
    return SubmittedJob(name, members[0].scheduler_id, folder, job.created_at, len(members))


def ended_arrays(job: Job, members: Sequence[JobMember]) -> list[SubmittedJob]:
    """Return the arrays of ended members as the accounting is asked about them."""
    return [
        SubmittedJob(name, array_id(some[0].scheduler_id), Path(_array_folder(job, some[0])), job.created_at)
        for name, some in by_array(members).items()
    ]


def submitted_member(job: Job, member: JobMember) -> SubmittedJob:
    """Return a member as the scheduler is asked about it after its submission."""
    return SubmittedJob(member.name, member.scheduler_id, Path(member_control(job, member)), job.created_at)


def _array_folder(job: Job, member: JobMember) -> PurePosixPath:
    run = control_path(PurePosixPath(job.control_root), job, member.run)
    return run / str(member.array)


def member_control(job: Job, member: JobMember) -> PurePosixPath:
    """Return the control folder of a member's run."""
    return _array_folder(job, member) / str(member.place)


def open_member(job: Job, member: JobMember, cluster: Cluster) -> RunFolders:
    """Return the folders of the run of a member."""
    output = output_folder(job, member.run) / output_name(member)
    outputs = open_filesystem(cluster, job.owner).attempt_folder(output, member.output_identity)
    return RunFolders(open_control_of(job, cluster).attempt_folder(member_control(job, member)), outputs)


def by_array(members: Sequence[JobMember]) -> Mapping[str, list[JobMember]]:
    """Return placed members by the names of their arrays, in the order of their places."""
    placed = sorted(members, key=lambda member: (member.run, member.array, member.place))
    return {name: list(some) for name, some in groupby(placed, key=lambda member: split_name(member.name)[0])}
