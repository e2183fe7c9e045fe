"""The examples of docs/your-file.md: each is read as the page says, or refused with the words it names."""

import json
import re
from pathlib import Path

import pytest

from hpc_kernels.errors import BadInputError
from tests.kernels.tables.reading import read_text

PAGE = (Path(__file__).parents[3] / "docs" / "your-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- (example|prices)(.*?) -->\n```\n(.*?)```\nSignals: `(.*?)`", PAGE, re.DOTALL)
REFUSALS = re.findall(r"<!-- refused: (.*?) -->\n```\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("<!-- example") + PAGE.count("<!-- prices")
    assert len(REFUSALS) == PAGE.count("<!-- refused") > 0


@pytest.mark.parametrize(("kind", "options", "text", "signals"), EXAMPLES)
def test_an_example_is_read_as_the_page_says(
    tmp_path: Path, kind: str, options: str, text: str, signals: str
) -> None:
    layout = "asset_pairs" if kind == "prices" else "sensor_table"
    table = read_text(tmp_path, text, json.loads(options) if options.strip() else None, layout)
    shown = [
        f"{name} = {', '.join(f'{value:g}' for value in values)}"
        for name, values in zip(table.names, table.columns, strict=True)
    ]
    assert "; ".join(shown) == signals


@pytest.mark.parametrize(("words", "text"), REFUSALS)
def test_a_refusal_names_the_way_out(tmp_path: Path, words: str, text: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(words)):
        read_text(tmp_path, text)
