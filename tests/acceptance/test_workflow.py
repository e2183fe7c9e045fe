"""The main job: an object from S3 to the cluster, kernels on it, the results back to S3."""

import hashlib
from pathlib import Path

import numpy as np

from hpc_gateway_commands.demo.check import largest_error, read_table
from tests.client import DATA, INPUTS, Client, Status, recording

FFT = f"{DATA}/Output_Data/CSVFormate/FFT_Filter_output.csv"
MIN_MAX = f"{DATA}/Output_Data/CSVFormate/MinMax_Transform_output.csv"


def test_a_recording_goes_from_s3_through_two_kernels_back_to_s3(client: Client, tmp_path: Path) -> None:
    client.put("2026/acceleration 12 é.csv", recording())
    dst = f"{DATA}/{INPUTS}/from_s3.csv"
    arrived = client.moved("/s3_data", client.stage_in("2026/acceleration 12 é.csv", dst))
    assert (arrived["status"], arrived["reason"]) == ("completed", "")
    assert arrived["bytes_done"] == arrived["bytes_total"] == len(recording())
    assert client.file(dst).read_bytes() == recording()

    job = client.finished(client.compute(["fft", "min_max"], f"/{INPUTS}/from_s3.csv"))
    assert (job["state"], job["success"], job["exit_code"], job["reason"]) == ("succeeded", True, 0, "")
    assert [output["service"] for output in job["outputs"]] == ["fft", "min_max"]

    for src, key in ((FFT, "spectrum.csv"), (MIN_MAX, "scaled.csv")):
        sent = client.moved("/s3_result", client.stage_out(src, key))
        assert sent["status"] == "completed", sent["reason"]
        (tmp_path / key).write_bytes(client.stored(key))
    (tmp_path / "signals.csv").write_bytes(recording())
    names, signals = read_table(tmp_path / "signals.csv")
    spectrum_names, spectra = read_table(tmp_path / "spectrum.csv")
    _, scaled = read_table(tmp_path / "scaled.csv")
    assert spectrum_names == names
    assert largest_error(signals, spectra) <= 1e-10
    low, high = signals.min(axis=0), signals.max(axis=0)
    np.testing.assert_allclose(scaled, (signals - low) / (high - low), rtol=0, atol=1e-12)


def test_two_jobs_at_once_keep_their_outputs_apart(client: Client) -> None:
    inputs = [_of_one_tone(3), _of_one_tone(5)]
    paths = [client.place(f"tone_{n}.csv", data) for n, data in enumerate(inputs)]
    started = [client.compute(["fft"], path, num_mpi_procs=1) for path in paths]
    jobs = [client.finished(job) for job in started]
    peaks = [int(np.argmax(client.table(_own(client, job))[:32, 0])) for job in jobs]
    assert peaks == [3, 5]
    own = [client.file(_own(client, job)).read_bytes() for job in jobs]
    assert client.file(FFT).read_bytes() in own


def _of_one_tone(periods: int) -> bytes:
    """Return a signal whose spectrum has its only peak at `periods`."""
    tone = np.sin(2 * np.pi * periods * np.arange(64) / 64)
    return ("tone\n" + "\n".join(map(repr, tone.tolist())) + "\n").encode()


def _own(client: Client, job: Status) -> str:
    """Return the path of the job's own output, as large and with the checksum that its status says."""
    assert job["success"], job["reason"]
    (output,) = job["outputs"]
    data = client.file(output["path"]).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (output["bytes"], output["sha256"])
    assert f"/jobs/{job['id']}.{job['attempt']}/" in output["path"]
    return str(output["path"])


def test_a_job_whose_kernel_fails_says_where_its_input_is_wrong(client: Client) -> None:
    good = client.finished(client.compute(["fft"], client.place("good.csv", _of_one_tone(7))))
    published = client.file(FFT).read_bytes()
    lines = _of_one_tone(7).decode().splitlines()
    broken = "\n".join([*lines[:4], "n/a", *lines[5:], ""]).encode()
    job = client.finished(client.compute(["fft"], client.place("broken.csv", broken)))
    assert (job["status"], job["success"], job["exit_code"]) == ("completed", False, 2)
    assert "broken.csv" in job["reason"]
    assert "row 5, column 1" in job["reason"]
    assert job["outputs"] == []
    assert client.file(FFT).read_bytes() == published

    refused = client.moved("/s3_result", client.stage_out(FFT, "not-mine.csv"))
    assert refused["status"] == "failure"
    assert job["reason"] in refused["reason"]
    assert job["id"] in refused["reason"]
    listed = client.s3.list_objects_v2(Bucket="recordings", Prefix="not-mine")
    assert listed["KeyCount"] == 0
    kept = client.moved("/s3_result", client.stage_out(_own(client, good), "mine.csv"))
    assert kept["status"] == "completed", kept["reason"]
    assert client.stored("mine.csv") == client.file(_own(client, good)).read_bytes()
