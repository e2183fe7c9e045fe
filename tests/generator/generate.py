"""A Python client that openapi-python-client generates from an OpenAPI document."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from tests.conftest import absent

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PACKAGE = "generated_gateway_client"


class GeneratedClient:
    """The package: its models, its client and its operations."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        self.models = self._module("models")
        self.package = importlib.import_module(PACKAGE)

    def operation(self, tag: str, operation_id: str) -> ModuleType:
        """Return the module of an operation."""
        return self._module(f"api.{tag}.{operation_id}")

    @staticmethod
    def _module(name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")


def generate(document: Path, folder: Path) -> GeneratedClient:
    """Install the generator below the folder, run it, and import what it wrote."""
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    python = environment / "bin/python"
    install = [str(python), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)]
    if subprocess.run(install, check=False, timeout=240).returncode:
        absent("a package index with the generator of clients")
    command = [str(python), "-m", "openapi_python_client", "generate", "--meta", "none", "--overwrite"]
    options = ["--path", str(document), "--output-path", str(folder / PACKAGE), "--fail-on-warning"]
    path = {"PATH": f"{environment / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([*command, *options], check=True, timeout=120, env=path)
    return GeneratedClient(folder)
