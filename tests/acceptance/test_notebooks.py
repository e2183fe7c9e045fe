"""The notebooks of docs run on a started stack, with the client as a user installs it."""

import json
from pathlib import Path

import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.notebooks.execute import NOTEBOOKS, Jupyter, outputs_of

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Jupyter:
    return Jupyter(tmp_path_factory.mktemp("jupyter"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws_its_runs(stack: Stack, jupyter: Jupyter, notebook: Path) -> None:
    found = outputs_of(jupyter.execute(notebook, stack.api_url))
    kept = outputs_of(json.loads(notebook.read_text(encoding="utf-8")))
    assert [output["output_type"] for output in found] == [output["output_type"] for output in kept]
    drawn = ["".join(output["data"].get("text/html", "")) for output in found if "data" in output]
    assert sum(html.count("<svg") for html in drawn) == sum(
        "".join(output["data"].get("text/html", "")).count("<svg") for output in kept if "data" in output
    )
