"""`hpc-gateway infrastructure prepare`: the kernels on a cluster that is reached over SSH."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from gateway.cleaning import clean
from gateway.clusters.configuration import Cluster
from gateway.command_runners.base import CommandsUnavailable, CommandTimedOut
from gateway.command_runners.ssh.errors import SshUnavailable
from gateway.command_runners.ssh.runner import SshRunner
from gateway.errors import GatewayError, Invalid
from gateway.filesystems.opening import open_control
from gateway.jobs.spec import CACHE

KERNELS = "kernels"  # the virtual environment, below the control area
WHEELS = "wheels"
INTERPRETERS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
_OLDEST = 11  # of Python 3
_INSTALL_S, _WARM_S = 900.0, 1800.0
_PIECE_BYTES = 4 << 20
_COMPILED = re.compile(r"-cp3(\d+)-cp3\1-")
_VERSION = re.compile(rb"3 (\d{1,3})\s*")


class NotPrepared(GatewayError):
    """A step on the cluster has failed."""


def prepare_cluster(cluster: Cluster, wheels: Path, python: str = "") -> Iterator[str]:
    """Put the wheels onto the cluster and install the kernels; yield a sentence about each step."""
    if cluster.commands != "ssh" or cluster.files != "sftp":
        raise Invalid(f"{cluster.name} is not reached over SSH and SFTP: install the kernels there")
    carried = _check_wheels(wheels)
    runner, place = SshRunner(cluster), cluster.control / WHEELS
    base = _find_python(runner, python, carried)
    yield f"{base} on the cluster makes the environment"
    for wheel in carried:
        _put(cluster, wheel)
    yield f"{len(carried)} wheels are in {place}"
    environment, program = cluster.control / KERNELS, str(cluster.control / KERNELS / "bin/python")
    pip = next((str(place / wheel.name / "pip") for wheel in carried if wheel.name.startswith("pip-")), "")
    _make_environment(runner, base, environment, without_pip=bool(pip))
    install = [*([pip] if pip else ["-m", "pip"]), "install", "--no-index", "--no-input", "--upgrade"]
    _run(runner, [program, "-I", *install, "--find-links", str(place), "hpc-kernels"], _INSTALL_S)
    yield f"the kernels are installed in {environment}"
    cache = f"HPC_KERNELS_CACHE={cluster.control / CACHE}"
    _run(runner, ["env", cache, program, "-I", "-m", "hpc_kernels", "warm"], _WARM_S)
    yield f"their machine code is in {cluster.control / CACHE}"
    yield f'the cluster needs: python = "{program}"'


def _check_wheels(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.whl"))
    if not any(wheel.name.startswith("hpc_kernels-") for wheel in found):
        raise Invalid(
            f"{folder} holds no wheel of hpc_kernels: `pip wheel -w {folder} ./kernels pip` makes it, with"
            " all that it needs, for the Python of this machine"
        )
    return found


def _fitting_versions(wheels: Sequence[Path]) -> set[int]:
    """Return the versions of Python 3 for which all compiled wheels are; none where nothing is compiled."""
    found: dict[str, set[int]] = {}
    for wheel in wheels:
        if match := _COMPILED.search(wheel.name):
            found.setdefault(wheel.name.partition("-")[0], set()).add(int(match[1]))
    return set.intersection(*found.values()) if found else set()


def _find_python(runner: SshRunner, named: str, wheels: Sequence[Path]) -> str:
    """Return the first interpreter that is new enough and fits the wheels."""
    fitting, seen = _fitting_versions(wheels), []
    for program in (named,) if named else INTERPRETERS:
        version = _version(runner, program)
        if version >= _OLDEST and (not fitting or version in fitting):
            return program
        seen += [f"{program} is 3.{version}"] if version else []
    wanted = " or ".join(f"3.{each}" for each in sorted(fitting)) or f"3.{_OLDEST} or later"
    raise NotPrepared(
        f"the wheels need Python {wanted}, and the cluster has none that is found"
        f" ({', '.join(seen) or f'{named or INTERPRETERS[-1]} is not there'}): name one by --python, or make"
        " the wheels by a Python of the version that the cluster has"
    )


def _version(runner: SshRunner, program: str) -> int:
    """Return 11 for a Python 3.11, 0 for a program that is missing or no Python 3."""
    try:
        told = runner.run([program, "-I", "-c", "import sys; print(*sys.version_info[:2])"]).stdout
    except (SshUnavailable, CommandTimedOut):
        raise
    except CommandsUnavailable:
        return 0
    match = _VERSION.fullmatch(told)
    return int(match[1]) if match else 0


def _put(cluster: Cluster, wheel: Path) -> None:
    """Copy a wheel to the cluster."""
    target = cluster.control / WHEELS / PurePosixPath(wheel.name)
    with open_control(cluster).receive(target) as incoming, wheel.open("rb") as file:
        offset = 0
        while piece := file.read(_PIECE_BYTES):
            incoming.write_at(piece, offset)
            offset += len(piece)


def _make_environment(runner: SshRunner, base: str, folder: PurePosixPath, *, without_pip: bool) -> None:
    """Make the virtual environment; a wheel of pip does for an interpreter that has none to give."""
    words = ["--without-pip"] if without_pip else []
    try:
        _run(runner, ["env", "-u", "PYTHONPATH", base, "-m", "venv", *words, str(folder)], _INSTALL_S)
    except NotPrepared as error:
        if without_pip:
            raise
        raise NotPrepared(
            f"{error.detail}; a wheel of pip beside the others does for a Python that has none"
        ) from error


def _run(runner: SshRunner, argv: list[str], timeout_s: float) -> None:
    done = runner.run(argv, timeout_s=timeout_s)
    if done.returncode:
        printed = done.stderr.strip() or done.stdout.strip() or b"status %d" % done.status
        last = printed.decode(errors="replace").splitlines()[-1]
        raise NotPrepared(f"{' '.join(argv[:6])} ... failed on the cluster: {clean(last)}")
