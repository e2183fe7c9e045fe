"""The distributions as wheels: the client alone, the server beside it, and an upgrade from the old layout."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = {"hpc-gateway-client": ROOT / "client", "hpc-gateway": ROOT}
SERVER_ONLY = (
    "celery",
    "sqlalchemy",
    "fastapi",
    "pycurl",
    "gateway",
    "api",
    "workers",
    "hpc_gateway_commands",
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    built = {}
    for name, source in DISTRIBUTIONS.items():
        argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / name)]
        subprocess.run(argv, cwd=source, check=True, capture_output=True, timeout=280)
        [built[name]] = (folder / name).glob("*.whl")
    return built


def _requirements(name: str) -> Iterator[str]:
    """Yield the names of all distributions that one needs, without its extras."""
    seen: set[str] = set()
    left = [name]
    while left:
        for line in metadata.requires(left.pop()) or []:
            needed = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower()
            if "extra ==" not in line and needed not in seen and _is_installed(needed):
                seen.add(needed)
                left.append(needed)
                yield needed


def _is_installed(name: str) -> bool:
    """Return whether a requirement is installed: requirements of other platforms and Pythons are not."""
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.fixture(scope="module")
def client_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that the client needs, and nothing else."""
    folder = tmp_path_factory.mktemp("packages")
    for name in _requirements("hpc-gateway-client"):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] != ".."}:
            source = Path(str(distribution.locate_file(top)))
            if source.exists() and not (folder / top).exists():
                (folder / top).symlink_to(source)
    return folder


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pip for the environments of all tests: to install it takes longer than all else."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=280)
    return folder / "bin" / "pip"


@pytest.fixture
def environment(client_packages: Path, pip: Path, tmp_path: Path) -> "Environment":
    return Environment(tmp_path / "venv", client_packages, pip)


class Environment:
    """A virtual environment of its own, with the packages of a folder beside its own ones."""

    def __init__(self, folder: Path, packages: Path, pip: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=280)
        self.bin, self._pip = folder / "bin", pip
        self._env = {"PATH": os.defpath, "PYTHONPATH": str(packages), "HOME": str(folder), "COLUMNS": "200"}

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [self.bin / words[0], *words[1:]]
        return subprocess.run(argv, env=self._env, capture_output=True, text=True, check=False, timeout=280)

    def pip(self, *words: str | Path) -> None:
        argv = [self._pip, "-q", "--disable-pip-version-check", "--python", self.bin / "python", *words]
        subprocess.run(argv, check=True, timeout=280)

    def install(self, *wheels: Path) -> None:
        self.pip("install", "--no-index", "--no-deps", "--no-compile", *wheels)


def test_the_servers_wheel_has_the_files_of_the_console(wheels: dict[str, Path]) -> None:
    folder = ROOT / "api" / "console"
    files = [
        path for kind in ("static", "templates") for path in (folder / kind).rglob("*") if path.is_file()
    ]
    with zipfile.ZipFile(wheels["hpc-gateway"]) as wheel:
        assert {str(path.relative_to(ROOT)) for path in files} <= set(wheel.namelist())


def test_the_client_alone_has_a_users_commands(wheels: dict[str, Path], environment: Environment) -> None:
    environment.install(wheels["hpc-gateway-client"])
    shown = environment.run("hpc-gateway", "--help")
    assert shown.returncode == 0, shown.stderr
    listed = set(re.findall(r"│ (\w+) ", shown.stdout))
    assert listed == {
        *("run", "services", "retry", "cancel", "status"),
        *("workflow", "jobs", "transfers", "infrastructure"),
    }
    away = environment.run("hpc-gateway", "status", "--url", "http://127.0.0.1:1")
    assert (away.returncode, away.stderr.count("\n")) == (5, 1), away.stderr
    everything = "import hpc_gateway_client.commands, hpc_gateway_client.s3, sys; print(*sys.modules)"
    loaded = environment.run("python", "-c", everything).stdout.split()
    assert "boto3" in loaded
    assert set(SERVER_ONLY) & set(loaded) == set()
    for words in (("keys", "create", "ada"), ("infrastructure", "doctor", "demo")):
        refused = environment.run("hpc-gateway", *words)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert "needs the server" in refused.stderr
        assert "pip install" in refused.stderr


def test_the_server_adds_its_commands(wheels: dict[str, Path], environment: Environment) -> None:
    environment.install(*wheels.values())
    shown = environment.run("hpc-gateway", "--help").stdout
    assert {"run", "jobs", "serve", "worker", "doctor", "demo"} <= set(re.findall(r"│ (\w+) ", shown))
    assert "doctor" in environment.run("hpc-gateway", "infrastructure", "--help").stdout
    with zipfile.ZipFile(wheels["hpc-gateway"]) as server:
        assert not [name for name in server.namelist() if name.startswith("hpc_gateway_client")]
        assert b"console_scripts" not in server.read("hpc_gateway-0.1.0.dist-info/entry_points.txt")


def test_an_environment_of_the_old_layout_is_upgraded_as_the_page_says(
    wheels: dict[str, Path], environment: Environment, tmp_path: Path
) -> None:
    environment.install(_old_wheel(tmp_path))
    assert environment.run("hpc-gateway").stdout == "old\n"
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    [uninstall] = re.findall(r"pip (uninstall .*) && .*pip install .* ./client ", page)
    environment.pip(*uninstall.split())
    environment.install(*wheels.values())
    assert "serve" in environment.run("hpc-gateway", "--help").stdout


def _old_wheel(folder: Path) -> Path:
    """Make a wheel of the old layout, in which one distribution has both the client and the script."""
    info = "hpc_gateway-0.1.0.dist-info"
    files = {
        "hpc_gateway_client/__init__.py": "",
        "gateway/cli/__init__.py": "def main():\n    print('old')\n",
        "gateway/__init__.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: hpc-gateway\nVersion: 0.1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nhpc-gateway = gateway.cli:main\n",
    }
    path = folder / "hpc_gateway-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(_record(*file) for file in files.items()))
    return path


def _record(name: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text)}\n"
