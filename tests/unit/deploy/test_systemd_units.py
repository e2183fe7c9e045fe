"""The units of deploy/systemd: systemd accepts them, and they share account, end and limits."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.supervision import STOP_S
from tests.conftest import absent

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
COMMAND = "/opt/hpc-gateway/bin/hpc-gateway"
COMMON = (FOLDER / "hpc-gateway-.service.d" / "common.conf").read_text()


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copy the units, with the command of this environment."""
    if shutil.which("systemd-analyze") is None:
        absent("systemd-analyze")
    folder = tmp_path / "units"
    shutil.copytree(FOLDER, folder)
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text().replace(COMMAND, str(Path(sys.prefix, "bin", "hpc-gateway"))))
    return folder


def analyze(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["/usr/bin/systemd-analyze", *words], env=env, cwd=units, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts(units: Path, unit: str) -> None:
    done = analyze(units, "verify", "--man=no", unit.replace("@", "@demo"))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_finds_a_wrong_line(units: Path) -> None:
    common = units / "hpc-gateway-.service.d" / "common.conf"
    common.write_text(f"{COMMON}\nProtectSystems=yes\n")
    assert "ProtectSystems" in analyze(units, "verify", "--man=no", "hpc-gateway-api.service").stderr


def test_every_unit_shares_the_common_lines() -> None:
    assert UNITS
    for unit in UNITS:
        text = (FOLDER / unit).read_text()
        assert unit.startswith("hpc-gateway-")
        assert f"ExecStart={COMMAND} " in text
        assert "User=" not in text


def test_a_part_has_more_time_to_end_than_it_takes() -> None:
    [line] = [line for line in COMMON.splitlines() if line.startswith("TimeoutStopSec=")]
    assert int(line.partition("=")[2]) > STOP_S
