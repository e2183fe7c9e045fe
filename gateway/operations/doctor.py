"""`hpc-gateway doctor`: checks of a cluster's configuration, scheduler, files and nodes, with advice."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from gateway.clusters.configuration import Cluster
from gateway.clusters.limits import partition_names
from gateway.command_runners.opening import open_runner
from gateway.db import utc_now
from gateway.errors import FilesystemError, GatewayError, SchedulerError, SchedulerUnavailable
from gateway.filesystems.base import Filesystem
from gateway.filesystems.opening import open_control
from gateway.jobs.resources import ResourceRequest, grant, scheduler_resources
from gateway.jobs.spec import LAUNCHERS
from gateway.operations.far_checks import check_files, check_log_in
from gateway.operations.root_processes import check_accounts
from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport, JobSpec, Scheduler, SubmittedJob
from gateway.schedulers.opening import open_scheduler
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.slurm import own_jobs
from gateway.schedulers.slurm.probe import check_conf
from gateway.states import JobState

JOB_WAIT_S = 60.0
CLOCK_TOLERANCE_S = 2.0
FOLDER = "doctor"  # below the control area
_OUTPUT_BYTES = 1 << 16
_POLL_S = 0.25
_GIB = 2**30
_LIVE = frozenset({JobState.PENDING, JobState.RUNNING, None})
_NODE_PROGRAM = (
    "import json, time, hpc_kernels; print(json.dumps([hpc_kernels.__version__, time.time()])); time.sleep(1)"
)


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` tells how to mend a failure."""

    check: str
    well: bool
    found: str
    advice: str = ""


@dataclass(frozen=True)
class _Check:
    name: str
    look: Callable[[Cluster], str]
    advice: str


class _JobRefusedError(SchedulerError):
    """The scheduler refused the job, or does not start it."""


def examine(cluster: Cluster) -> Iterator[Finding]:
    """Run the checks in order, up to a failed one that the later ones depend on."""
    for check in _checks(cluster):
        try:
            yield Finding(check.name, well=True, found=check.look(cluster))
        except (GatewayError, OSError) as error:
            advice = _REFUSED if isinstance(error, _JobRefusedError) else check.advice
            yield Finding(check.name, well=False, found=str(error), advice=advice)
            if check.name in _PREREQUISITES:
                return


def _checks(cluster: Cluster) -> list[_Check]:
    by_pyslurm = cluster.scheduler == "slurm" and cluster.slurm == "pyslurm"
    slurm = [_SLURM_CONF, _MUNGE] if by_pyslurm else []
    ssh = [_SSH] if cluster.commands == "ssh" else []
    files = _SFTP if cluster.files == "sftp" else _FILESYSTEM
    return [_ACCOUNT, *ssh, *slurm, _SCHEDULER, _PARTITIONS, files, _JOB]


def _slurm_conf(cluster: Cluster) -> str:
    check_conf(Path(cluster.slurm_conf))
    return f"{cluster.slurm_conf} can be used" + ("" if own_jobs.is_built() else f"; {own_jobs.NOT_BUILT}")


def _munge(cluster: Cluster) -> str:
    text = Path(cluster.slurm_conf).read_text(encoding="utf-8")
    if re.search(r"^\s*AuthType\s*=\s*auth/(?!munge)", text, re.MULTILINE | re.IGNORECASE):
        return "not used by this cluster"
    program = shutil.which("munge")
    if program is None:
        return "not tried: the command munge is not installed here"
    socket = re.search(r"^\s*AuthInfo\s*=.*?socket=([^\s,]+)", text, re.MULTILINE | re.IGNORECASE)
    argv = [program, "--no-input", *([f"--socket={socket.group(1)}"] if socket else [])]
    tried = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode != 0:
        raise SchedulerError(tried.stderr.strip() or "munge makes no credential")
    return "makes credentials"


def _scheduler(cluster: Cluster) -> str:
    scheduler = open_scheduler(cluster)
    began = time.monotonic()
    jobs = scheduler.jobs()
    took_ms = (time.monotonic() - began) * 1000
    return f"answers in {took_ms:.0f} ms; jobs of this account: {len(jobs)}{_history(cluster)}"


def _history(cluster: Cluster) -> str:
    """Tell of a PBS server that forgets its ended jobs."""
    if cluster.scheduler != "pbs" or PbsCommands(open_runner(cluster), cluster.path).keeps_history():
        return ""
    return (
        "; the server keeps no ended jobs (job_history_enable is False), so that exit files alone tell the"
        " ends: a job that is killed without one is reported as lost"
    )


def _partitions(cluster: Cluster) -> str:
    found = {partition.name: partition for partition in open_scheduler(cluster).partitions()}
    named = partition_names(cluster.defaults.partition, *cluster.ceilings.partitions)
    if missing := named - found.keys():
        raise SchedulerError(
            f"{', '.join(sorted(missing))}: configured, but the scheduler has {sorted(found)}"
        )
    if not any(partition.avail_nodes for partition in found.values()):
        raise SchedulerError("no partition has a node that could take a job now")
    return ", ".join(f"{p.name}: {p.avail_nodes} of {p.total_nodes} nodes free" for p in found.values())


def _filesystem(cluster: Cluster) -> str:
    return "; ".join(_check_root(Path(root)) for root in dict.fromkeys((cluster.home, *cluster.base_folders)))


def _check_root(root: Path) -> str:
    with tempfile.NamedTemporaryFile(dir=root, prefix=".hpc-gateway-doctor-") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
    free = shutil.disk_usage(root).free
    if free < _GIB:
        raise FilesystemError(f"{root} has only {free / 2**20:.0f} MiB free")
    return f"{root} can be written, {free / _GIB:.0f} GiB free"


def _job(cluster: Cluster) -> str:
    scheduler = open_scheduler(cluster)
    name = f"{uuid4()}.1"
    folder = cluster.control / FOLDER / name
    control = open_control(cluster)
    control.make_folder(folder)
    began, begun_at = time.time(), utc_now()
    scheduler_id = _submit(scheduler, _job_spec(cluster, name, Path(folder)))
    try:
        report = _wait_for_end(scheduler, SubmittedJob(name, scheduler_id, Path(folder), begun_at))
    finally:
        scheduler.cancel(name, scheduler_id)
    if report.state is not JobState.SUCCEEDED:
        words = _read(control, folder / batch_script.STDERR).strip()
        raise SchedulerError(f"{report.reason}: {words}" if words else report.reason)
    version, clock = _parse_output(_read(control, folder / batch_script.STDOUT))
    if not began - CLOCK_TOLERANCE_S <= clock <= time.time() + CLOCK_TOLERANCE_S:
        raise SchedulerError(f"the node's clock is {clock - time.time():+.0f} s off this machine's")
    control.remove_folder(folder)
    return f"ran in {time.time() - began:.1f} s; hpc_kernels {version}; the node's clock agrees"


def _submit(scheduler: Scheduler, spec: JobSpec) -> str:
    try:
        return scheduler.submit(spec)
    except SchedulerUnavailable:
        raise
    except SchedulerError as error:
        raise _JobRefusedError(error.detail) from error


def _read(control: Filesystem, path: PurePosixPath) -> str:
    return control.read_text(path, _OUTPUT_BYTES) if control.exists(path) else ""


def _parse_output(text: str) -> tuple[str, float]:
    try:
        version, clock = json.loads(text)
    except ValueError:
        raise SchedulerError(
            f"the program ran and printed {text[:80]!r}: it is not a Python interpreter"
        ) from None
    return str(version), float(clock)


def _job_spec(cluster: Cluster, name: str, folder: Path) -> JobSpec:
    return JobSpec(
        name=name,
        folder=folder,
        command=(cluster.python, "-I", "-c", _NODE_PROGRAM),
        ranks=1,
        threads=1,
        launcher=LAUNCHERS[cluster.scheduler],
        environment={"HOME": str(cluster.home)},
        resources=scheduler_resources(grant(ResourceRequest(), cluster, 1, 1), cluster.max_cpus),
        mpi=cluster.mpi,
    )


def _wait_for_end(scheduler: Scheduler, job: SubmittedJob) -> JobReport:
    """Return the report of the ended job, which not every scheduler lists."""
    deadline, report = time.monotonic() + JOB_WAIT_S, None
    while time.monotonic() < deadline:
        if (report := scheduler.jobs().get(job.name)) is None:
            recalled = scheduler.recall([job])
            report = recalled.get(job.name)
            if job.name in recalled and report is None:
                raise SchedulerError("the scheduler has lost or dropped the job: try again")
        if report is not None and report.state not in _LIVE:
            return report
        time.sleep(_POLL_S)
    kind = _JobRefusedError if report is not None and report.state is JobState.PENDING else SchedulerError
    told = "nothing is told of it" if report is None else report.reason or report.state
    raise kind(f"it did not end within {JOB_WAIT_S:.0f} s: {told}")


def _account(_cluster: Cluster) -> str:
    return check_accounts()


_ACCOUNT = _Check(
    "account",
    _account,
    "run the gateway's parts and this command as an account of their own, without privileges (`User=` in"
    " systemd, `runuser -u ACCOUNT`); give it the cluster's home, the database's file and the key files",
)
_SSH = _Check(
    "ssh",
    check_log_in,
    "see that ssh is installed here, that host, port, account and key in infrastructures.toml are right, and"
    " that the account has an ordinary shell whose start files print nothing",
)
_SFTP = _Check(
    "sftp",
    check_files,
    "see that sshd has `Subsystem sftp`, create the folder on the cluster, and let the account write there",
)
_SLURM_CONF = _Check(
    "slurm.conf",
    _slurm_conf,
    "install pyslurm of the cluster's Slurm version and its client packages here, copy the cluster's"
    " slurm.conf, and name it as slurm_conf in infrastructures.toml",
)
_MUNGE = _Check("munge", _munge, "start munged here, with the same munge.key as on the cluster")
_SCHEDULER = _Check(
    "scheduler",
    _scheduler,
    "see that slurmctld or pbs_server runs and that the machine of the commands reaches it; munge keys and"
    " clocks must agree",
)
_PARTITIONS = _Check(
    "partitions", _partitions, "correct defaults.partition and ceilings.partitions, or resume the nodes"
)
_FILESYSTEM = _Check(
    "filesystem",
    _filesystem,
    "mount the cluster's shared filesystem here, create the folder, and let this account write there",
)
_JOB = _Check(
    "job on a node",
    _job,
    "see that `python` in infrastructures.toml is an interpreter on the nodes that has hpc_kernels (over SSH"
    " `hpc-gateway infrastructure prepare` makes one), that `path` leads to srun there, that srun knows"
    " `mpi`, that the nodes share the filesystem, and that their clocks agree",
)
_REFUSED = (
    "correct the value that the scheduler names: partition, account, quality of service and limits of a job"
    " are the cluster's defaults in infrastructures.toml; with accounting, this account needs an association"
    " in Slurm (`sacctmgr show associations user=ACCOUNT`)"
)
_PREREQUISITES = frozenset({_SSH.name, _SLURM_CONF.name, _SCHEDULER.name})
