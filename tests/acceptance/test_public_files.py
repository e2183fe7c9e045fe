"""Public tables through the whole workflow, against a careful reading of each by Polars."""

import csv
from typing import Any

import numpy as np
import pytest

from tests.client import DATA, INPUTS, Client
from tests.kernels.tables.public_tables import PUBLIC, UNDERSTOOD, read_carefully
from tests.polling import until

pytestmark = pytest.mark.long


def computed(
    client: Client, name: str, service: str, **params: Any
) -> tuple[dict[str, Any], list[list[str]]]:
    """Stage a file in, compute, and stage the result out; return the judgement and the rows of the result."""
    file = f"{name}.csv"
    client.put(file, (PUBLIC / file).read_bytes())
    staged = client.moved("/s3_data", client.stage_in(file, f"{DATA}/{INPUTS}/{file}"))

    def judged() -> dict[str, Any] | None:
        table = client.get(f"/s3_data/{staged['id']}/table")
        return None if table["state"] == "judging" else table

    table = until("the table is judged", judged, 90)
    job = client.finished(client.compute([service], f"/{INPUTS}/{file}", num_mpi_procs=2, **params))
    assert job["success"], job["reason"]
    key = f"results/{file}"
    ended = client.moved("/s3_result", client.stage_out(job["outputs"][0]["path"], key))
    assert ended["state"] == "completed", ended["reason"]
    rows = csv.reader(client.stored(key).decode().splitlines(), delimiter=";")
    return table, [row[:-1] for row in rows]


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_filter_over_a_public_table(client: Client, name: str) -> None:
    options, _, time = UNDERSTOOD[name]
    names, signals, times = read_carefully(name)
    table, (header, *rows) = computed(client, name, "min_max", table=options)
    assert (table["state"], table["reason"]) == ("known", "")
    assert table["format"] == "csv" or "params.table" in table["problem"]
    if not options:
        assert (table["problem"], table["signals"], table["samples"]) == (None, names, signals.shape[1])
    first = int(bool(time))
    assert header == [*([time] if time else []), *names]
    assert [row[0] for row in rows] == times or not time
    low, high = signals.min(axis=1, keepdims=True), signals.max(axis=1, keepdims=True)
    expected = (signals - low) / np.where(high > low, high - low, 1)
    found = np.array([row[first:] for row in rows], float).T
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_options_of_public_prices(client: Client) -> None:
    _, (header, *rows) = computed(
        client, "prices_of_six", "black_scholes", inbestme_kernel=1, ideko_kernel=0, table={}
    )
    assert header == ["GOOG", "AAPL", "AMZN", "FB", "NFLX", "MSFT"]
    assert len(rows) == 12
    assert np.isfinite(np.array(rows, float)).all()
