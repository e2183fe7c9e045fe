"""A workflow on a started stack: from S3 through kernels that read each other's results back to S3."""

from pathlib import Path
from typing import Any

import numpy as np

from hpc_gateway_commands.demo.check import largest_error, read_table
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE
from tests.client import BUCKET, Client, Status, recording

ENDS = {"succeeded", "failed", "cancelled"}


def _run(client: Client, key: str, *jobs: dict[str, Any], **more: Any) -> Status:
    store = {name: value for name, value in client.store_fields().items() if name != "infrastructure"}
    body = {
        "infrastructure": INFRASTRUCTURE,
        "input": {"s3": {**store, "object": key}},
        "jobs": [{"watch_period": 1, **job} for job in jobs],
        "output": {"s3": {**store, "object": "results/"}},
    }
    accepted = client.post("/workflow", {**body, **more})
    return client.reaches("/workflow", accepted, ENDS)


def _stored_table(client: Client, key: str, folder: Path) -> tuple[list[str], Any]:
    path = folder / "table.csv"
    path.write_bytes(client.stored(key))
    return read_table(path)


def test_a_chain_of_kernels_reads_the_results_before_it(client: Client, tmp_path: Path) -> None:
    client.put("flow/table.csv", recording())
    ended = _run(
        client,
        "flow/table.csv",
        {"name": "scale", "services": ["min_max"]},
        {"name": "spectrum", "services": ["fft"], "input_from": "scale", "params": {"num_mpi_procs": 2}},
    )
    assert (ended["state"], ended["reason"], ended["success"]) == ("succeeded", "", True)
    assert [step["state"] for step in ended["steps"]] == ["completed", "succeeded", "succeeded", "completed"]
    (tmp_path / "signals.csv").write_bytes(recording())
    names, signals = read_table(tmp_path / "signals.csv")
    low, high = signals.min(axis=0), signals.max(axis=0)
    found, spectra = _stored_table(client, "results/spectrum/fft.csv", tmp_path)
    assert found == names
    assert largest_error((signals - low) / (high - low), spectra) <= 1e-10
    assert client.file(ended["outputs"][1]["path"]).read_bytes() == client.stored("results/spectrum/fft.csv")
    assert client.s3.list_objects_v2(Bucket=BUCKET, Prefix="results/scale")["KeyCount"] == 0


def test_a_classification_takes_the_labels_of_a_clustering(client: Client, tmp_path: Path) -> None:
    time = np.arange(48)
    waves = [np.sin(2 * np.pi * time / period + n) for period in (8, 24) for n in range(3)]
    rows = [
        ",".join(f"s{n}" for n in range(6)),
        *(",".join(map(repr, row)) for row in np.array(waves).T.tolist()),
    ]
    client.put("flow/waves.csv", "\n".join([*rows, ""]).encode())
    client.write(
        "serrano/data/Init_Data/unknown/one.csv", b"s\n" + b"\n".join(b"%r" % x for x in waves[0].tolist())
    )
    ended = _run(
        client,
        "flow/waves.csv",
        {"name": "groups", "services": ["kmean"]},
        {
            "name": "classes",
            "services": ["knn"],
            "labels_from": "groups",
            "params": {"inference_knn_path": "/Init_Data/unknown/"},
        },
    )
    assert (ended["state"], ended["reason"]) == ("succeeded", "")
    assert [each["object"] for each in ended["outputs"]] == [None, "results/classes/knn.csv"]
    assert client.stored("results/classes/knn.csv")


def test_a_kernel_that_fails_ends_the_workflow_with_its_words(client: Client) -> None:
    client.put("flow/bad.csv", b"a,b\n1,2\n3,word\n")
    ended = _run(client, "flow/bad.csv", {"name": "spectrum", "services": ["fft"]})
    assert (ended["state"], ended["fault"]) == ("failed", "input")
    assert "bad.csv" in ended["reason"]
    assert ended["steps"][-1]["state"] == "skipped"
