"""`hpc-gateway prune` against the running stack: the worker removes the files, then the row is gone."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy import NullPool, create_engine, update

from gateway.db import utc_now
from gateway.models import Job, Transfer
from tests.client import DATA, Client
from tests.jobs import attempts
from tests.polling import until


def _prune(client: Client, *words: str) -> str:
    command = [sys.executable, "-m", "hpc_gateway_client", "prune", "--older-than", "1h", *words]
    return subprocess.check_output(command, env=dict(client.stack.env), text=True)


def test_what_ended_long_ago_is_removed_by_the_clusters_worker(client: Client) -> None:
    client.put("old.csv", b"x\n1\n")
    transfer = client.moved("/s3_data", client.stage_in("old.csv", f"{DATA}/old.csv"))
    job = client.finished(client.compute(["fft"], client.place("prune.csv", b"x\n1\n2\n"), num_mpi_procs=1))
    folders = client.file(f"{DATA}/Output_Data/jobs")
    runs = [folders / f"{job['id']}.1", *attempts(client, job)]
    assert [run.exists() for run in runs] == [True, True]
    staged = client.file(f"{DATA}/old.csv")
    os.utime(staged, (time.time() - 7200, time.time() - 7200))
    engine = create_engine(client.stack.env["GATEWAY_DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as database:
        for model, row in ((Transfer, transfer), (Job, job)):
            aged = update(model).where(model.id == UUID(row["id"]))
            assert database.execute(aged.values(ended_at=utc_now() - timedelta(hours=2))).rowcount == 1
    assert "2 rows would be removed" in _prune(client)
    assert client.get(f"/s3_data/{transfer['id']}")["status"] == "completed"
    _prune(client, "--yes")
    urls = [f"/s3_data/{transfer['id']}", f"/job/{job['id']}"]
    until("both are gone", lambda: all(client.http.get(url).status_code == 404 for url in urls))
    assert not staged.exists()
    assert [run.exists() for run in runs] == [False, False]
    assert client.file(f"{DATA}/Output_Data/CSVFormate/FFT_Filter_output.csv").exists()
