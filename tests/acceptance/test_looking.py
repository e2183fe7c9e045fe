"""Data that can be looked at on a running stack: how a staged table is understood, and pictures of it."""

from typing import Any

import numpy as np

from tests.client import DATA, INPUTS, Client
from tests.polling import until


def test_a_staged_table_is_judged_and_a_result_is_drawn(client: Client) -> None:
    rows = [f"2026-01-01T00:00:{i // 10:02}.{i % 10};{i % 7},5;{i}" for i in range(400)]
    client.put("look.csv", "\n".join(["when;x;y", "s;mm;V", *rows]).encode())
    staged = client.moved("/s3_data", client.stage_in("look.csv", f"{DATA}/{INPUTS}/look.csv"))
    url = f"/s3_data/{staged['id']}"

    def judged() -> dict[str, Any] | None:
        table = client.get(f"{url}/table")
        return None if table["state"] == "judging" else table

    table = until("the table is judged", judged, 90)
    assert (table["state"], table["reason"], table["problem"]) == ("known", "", None)
    assert (table["time_column"], table["decimal"], table["units"]) == ("when", ",", ["mm", "V"])
    assert (table["signals"], table["samples"], table["missing"]) == (["x", "y"], 400, 0)
    np.testing.assert_allclose(table["rate"], 10, rtol=1e-5)
    drawn = client.get(f"{url}/preview?points=20&signals=y")
    assert drawn["signals"][0]["max"][-1] == 399
    assert drawn["x"]["name"] == "when"

    job = client.finished(client.compute(["kalman"], f"/{INPUTS}/look.csv", table={}, num_mpi_procs=2))
    assert job["success"], job["reason"]
    drawn = client.get(f"/job/{job['id']}/outputs/kalman/preview?points=10")
    assert (drawn["points"], drawn["samples"], drawn["signals_total"]) == (10, 400, 2)
    assert [each["unit"] for each in drawn["signals"]] == ["mm", "V"]
    assert client.http.get(f"/job/{job['id']}/outputs/fft/preview").status_code == 404
