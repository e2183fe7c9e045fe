"""The notebooks of docs, executed on a stack: `python -m tests.notebooks.execute` renews their outputs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hpc_gateway_commands.demo.machine_code import share_machine_code
from hpc_gateway_commands.demo.stack import running_stack
from tests.conftest import absent

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
CELL_S = 180


class Jupyter:
    """An environment below a folder, with Jupyter's executor and the client as a user installs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        python = folder / "environment" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True, timeout=120)
        requirements = ["-r", str(Path(__file__).with_name("requirements.txt"))]
        client = ["-c", str(ROOT / "constraints.txt"), f"{ROOT / 'client'}[numpy,polars]"]
        install = [str(python), "-m", "pip", "install", "-q", *requirements, *client]
        if subprocess.run(install, check=False, timeout=400).returncode:
            absent("a package index with Jupyter's executor")
        self._execute = str(python.with_name("jupyter-execute"))

    def execute(self, notebook: Path, url: str) -> dict[str, Any]:
        """Run all cells against a gateway, and return the notebook with their outputs."""
        work = self._folder / notebook.stem
        work.mkdir()
        copy = Path(shutil.copy(notebook, work))
        command = [self._execute, "--inplace", f"--timeout={CELL_S}", "--kernel_name=python3", copy.name]
        named = {"GATEWAY_URL": url, "HOME": str(work), "PATH": os.environ["PATH"]}
        subprocess.run(command, cwd=work, env=named, check=True, timeout=10 * CELL_S)
        executed: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
        return executed


def outputs_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the outputs of all cells."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def _write(notebook: dict[str, Any], file: Path) -> None:
    """Write an executed notebook without the times of its cells and the version of this Python."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def renew() -> None:
    """Execute all notebooks on a stack of their own, and write them with their outputs."""
    with tempfile.TemporaryDirectory() as made, running_stack(Path(made) / "stack", print) as stack:
        share_machine_code(stack.home)
        jupyter = Jupyter(Path(made))
        for notebook in NOTEBOOKS:
            _write(jupyter.execute(notebook, stack.api_url), notebook)


if __name__ == "__main__":
    renew()
