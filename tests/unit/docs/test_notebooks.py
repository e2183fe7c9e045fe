"""The notebooks of docs hold the outputs of a whole execution, with pictures and without scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
MOST_BYTES = 500_000


def _codes(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_two_and_a_page_names_each() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert len(NOTEBOOKS) == 2
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in page] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_cell_was_executed_in_its_order_without_an_error(notebook: Path) -> None:
    cells = _codes(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds <= {"execute_result", "stream"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_shows_pictures_and_is_small_and_free_of_scripts_and_paths(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    assert "<svg" in text
    assert [word for word in ("<script", "/root/", "/home/", "ipykernel_") if word in text] == []
    assert len(text) < MOST_BYTES
