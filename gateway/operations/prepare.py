"""`hpc-gateway infrastructure prepare`: the kernels on a cluster that is reached over SSH."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.command_runners.ssh.runner import SshRunner
from gateway.errors import GatewayError, Invalid
from gateway.filesystems.opening import open_control
from gateway.jobs.spec import CACHE

KERNELS = "kernels"  # the virtual environment, below the control area
WHEELS = "wheels"
INTERPRETERS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
_OLDEST = (3, 11)
_INSTALL_S, _WARM_S = 900.0, 1800.0
_PIECE_BYTES = 4 << 20


class NotPrepared(GatewayError):
    """A step on the cluster has failed."""


def prepare_cluster(cluster: Cluster, wheels: Path, python: str = "") -> Iterator[str]:
    """Put the wheels onto the cluster and install the kernels; yield a sentence about each step."""
    if cluster.commands != "ssh" or cluster.files != "sftp":
        raise Invalid(f"{cluster.name} is not reached over SSH and SFTP: install the kernels there")
    found = sorted(wheels.glob("*.whl"))
    if not any(wheel.name.startswith("hpc_kernels-") for wheel in found):
        raise Invalid(
            f"{wheels} holds no wheel of hpc_kernels: `pip wheel -w {wheels} ./kernels` makes it, with all"
            " that it needs, for the Python of this machine"
        )
    runner = SshRunner(cluster)
    base = _find_python(runner, python)
    yield f"{base} on the cluster makes the environment"
    for wheel in found:
        _put(cluster, wheel)
    yield f"{len(found)} wheels are in {cluster.control / WHEELS}"
    environment, program = cluster.control / KERNELS, str(cluster.control / KERNELS / "bin/python")
    _run(runner, ["env", "-u", "PYTHONPATH", base, "-I", "-m", "venv", str(environment)], _INSTALL_S)
    install = ["-I", "-m", "pip", "install", "--no-index", "--no-input", "--upgrade", "--find-links"]
    _run(runner, [program, *install, str(cluster.control / WHEELS), "hpc-kernels"], _INSTALL_S)
    yield f"the kernels are installed in {environment}"
    cache = f"HPC_KERNELS_CACHE={cluster.control / CACHE}"
    _run(runner, ["env", cache, program, "-I", "-m", "hpc_kernels", "warm"], _WARM_S)
    yield f"their machine code is in {cluster.control / CACHE}"
    yield f'the cluster needs: python = "{program}"'


def _find_python(runner: SshRunner, named: str) -> str:
    """Return the first interpreter that is new enough."""
    show = "import sys; print(*sys.version_info[:2])"
    for program in (named,) if named else INTERPRETERS:
        try:
            told = runner.run([program, "-I", "-c", show]).stdout.split()
        except GatewayError as error:
            if "is not found" not in error.detail:
                raise
            continue
        if len(told) == len(_OLDEST) and tuple(map(int, told)) >= _OLDEST:
            return program
    tried = named or ", ".join(INTERPRETERS)
    raise NotPrepared(f"no Python 3.11 or later is on the cluster ({tried}): name one by --python")


def _put(cluster: Cluster, wheel: Path) -> None:
    """Copy a wheel to the cluster."""
    target = cluster.control / WHEELS / PurePosixPath(wheel.name)
    with open_control(cluster).receive(target) as incoming, wheel.open("rb") as file:
        offset = 0
        while piece := file.read(_PIECE_BYTES):
            incoming.write_at(piece, offset)
            offset += len(piece)


def _run(runner: SshRunner, argv: list[str], timeout_s: float) -> None:
    done = runner.run(argv, timeout_s=timeout_s)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        raise NotPrepared(f"{' '.join(argv[:6])} ... failed on the cluster: {lines[-1]}")
