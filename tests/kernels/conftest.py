"""Fixtures of the kernels' tests: jobs, machine code, the real data, and a plain reader of results."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from tests import machine_code
from tests.kernels.job_folder import JobFolder

settings.register_profile("compiled", deadline=None)  # the first call of a kernel loads or compiles it
settings.load_profile("compiled")

DATA = Path(__file__).parent / "data"


@pytest.fixture
def jobs(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


@pytest.fixture(scope="session")
def warmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a machine-code cache that `warm` has filled, apart from the one that other tests extend.

    The latter is filled first: the tests after this one find the machine code there.
    """
    cache = tmp_path_factory.mktemp("machine_code") / "cache"
    shutil.copytree(machine_code.warmed(), cache, copy_function=machine_code.link)
    return cache


@pytest.fixture(scope="session")
def acceleration() -> Path:
    return DATA / "acceleration_12.csv"


@pytest.fixture(scope="session")
def acceleration_values(acceleration: Path) -> NDArray[np.float64]:
    return np.loadtxt(acceleration, delimiter=";", skiprows=1).T


@pytest.fixture(scope="session")
def read_output() -> Callable[[Path], tuple[list[str], NDArray[np.float64]]]:
    """Read a result the plain way, checking the layout: every cell is followed by a separator."""

    def read(path: Path) -> tuple[list[str], NDArray[np.float64]]:
        header, *rows = path.read_text().split("\n")
        assert rows.pop() == ""
        assert header.endswith(";")
        assert all(row.endswith(";") for row in rows)
        values = [[float(cell) for cell in row.removesuffix(";").split(";")] for row in rows]
        return header.removesuffix(";").split(";"), np.array(values).T

    return read
