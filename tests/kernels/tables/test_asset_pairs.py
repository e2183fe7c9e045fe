"""Asset pairs: the error names the first broken row, and every share gets its own series."""

from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.input import TableInput

PAIRS = {
    "decimal comma in quotes": (
        '2026-01-02,"1,5",2026-01-02,2',
        "row 4, column 2: .*'1,5'; use a decimal point, not a decimal comma",
    ),
    "decimal commas": ("2026-01-02,1,5,2026-01-02,2,5", "row 4, column 5: .*found 6; is it a decimal comma"),
    "long row": ("2026-01-02,1,2026-01-02,2,7", "row 4, column 5: expected 4 cells, found 5$"),
    "short row": ("2026-01-02,1", "row 4, column 3: expected 4 cells, found 2$"),
    "no date": (
        "2026-02-30,1,2026-01-02,2",
        "row 4, column 1: expected a date as YYYY-MM-DD, found '2026-02-30'",
    ),
    "no price": ("2026-01-02,1,2026-01-02,nan", "row 4, column 4: expected a finite price, found 'nan'"),
    "half a pair": (
        "2026-01-02,1,2026-01-02,",
        "row 4, column 4: expected a finite price, found a blank cell",
    ),
}


@pytest.mark.parametrize(("row", "message"), PAIRS.values(), ids=PAIRS.keys())
def test_broken_asset_pairs(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(f"A,,B,\nd,p,d,p\nx,x,x,x\n{row}\n2026-01-05,3,2026-01-05,4\n")
    with pytest.raises(BadInputError, match=f"^bad.csv: {message}"):
        TableInput(tmp_path / "bad.csv", "asset_pairs").read(range)


def test_asset_pairs_name_the_first_bad_row_and_give_each_share_its_own(tmp_path: Path) -> None:
    rows = [f"2026-01-{day:02},{day},2026-01-{day:02},{day / 2}" for day in range(1, 9)]
    rows[6:] = ["2026-01-07,7,,", " 2026-01-08 , 8e0 ,,"]
    path, header = tmp_path / "a.csv", ["A,,B,", "d,p,d,p", "x,x,x,x"]
    path.write_text("\n".join([*header, *rows, ",,,", ""]))
    table = TableInput(path, "asset_pairs").read(lambda _total: range(1, 2))
    assert (table.names, table.last_dates) == (["A", "B"], ["2026-01-06"])
    assert np.array_equal(table.signals, [[0.5, 1, 1.5, 2, 2.5, 3, np.nan, np.nan]], equal_nan=True)
    assert TableInput(path, "asset_pairs").read(lambda _total: range(0)).signals.shape == (0, 8)
    rows[1], rows[3] = "2026-01-02,2,2026-01-02,x", "2026-01-04,y,2026-01-04,2"
    path.write_text("\n".join([*header, *rows]))
    for mine in (range(1), range(2), range(1, 2)):
        with pytest.raises(BadInputError, match=r"^a.csv: row 5, column 4: .*, found 'x'$"):
            TableInput(path, "asset_pairs").read(lambda _total, mine=mine: mine)  # type: ignore[misc]
