"""`hpc-gateway prune` against the running stack: the worker removes the files, then the row is gone."""

import os
import sqlite3
import subprocess
import sys
import time

from tests.client import DATA, Client
from tests.polling import until


def _prune(client: Client, *words: str) -> str:
    command = [sys.executable, "-m", "gateway.cli", "prune", "--older-than", "1h", *words]
    return subprocess.check_output(command, env=dict(client.stack.env), text=True)


def test_what_ended_long_ago_is_removed_by_the_clusters_worker(client: Client) -> None:
    client.put("old.csv", b"x\n1\n")
    transfer = client.moved("/s3_data", client.stage_in("old.csv", f"{DATA}/old.csv"))
    job = client.finished(client.compute(["fft"], client.place("prune.csv", b"x\n1\n2\n"), num_mpi_procs=1))
    folders = client.file(f"{DATA}/Output_Data/jobs")
    assert (folders / f"{job['id']}.1").exists()
    staged = client.file(f"{DATA}/old.csv")
    os.utime(staged, (time.time() - 7200, time.time() - 7200))
    with sqlite3.connect(client.stack.folder / "gateway.db", timeout=60) as database:
        for table, row in (("transfers", transfer), ("jobs", job)):
            aged = f"UPDATE {table} SET ended_at = datetime(ended_at, '-2 hours') WHERE id = ?"  # noqa: S608  ours
            assert database.execute(aged, (row["id"].replace("-", ""),)).rowcount == 1
    assert "2 would go" in _prune(client)
    assert client.get(f"/s3_data/{transfer['id']}")["status"] == "completed"
    _prune(client, "--yes")
    urls = [f"/s3_data/{transfer['id']}", f"/job/{job['id']}"]
    until("both are gone", lambda: all(client.http.get(url).status_code == 404 for url in urls))
    assert not staged.exists()
    assert not (folders / f"{job['id']}.1").exists()
    assert client.file(f"{DATA}/Output_Data/CSVFormate/FFT_Filter_output.csv").exists()
