"""A client generated from the OpenAPI document, and bodies that the first generation's clients send."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from gateway.jobs.params import JobParams
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE
from tests.client import BUCKET, DATA, INPUTS, Client, recording
from tests.databases import ON_SQLITE
from tests.generator.generate import GeneratedClient, generate
from tests.polling import until


@pytest.fixture(scope="module")
def generated(client: Client, tmp_path_factory: pytest.TempPathFactory) -> GeneratedClient:
    folder = tmp_path_factory.mktemp("generated")
    document = folder / "openapi.json"
    document.write_text(client.http.get("/openapi.json").text, encoding="utf-8")
    return generate(document, folder)


def _ended(generated: GeneratedClient, http: Any, tag: str, operation: str, row_id: UUID) -> Any:
    """Poll as a user of the generated client does."""
    get = generated.operation(tag, operation).sync

    def ended() -> Any:
        status = get(row_id, client=http)
        return None if status.status.value in {"transferring", "queued", "running"} else status

    return until(f"{operation} of {row_id} has ended", ended, 90)


@pytest.fixture
def http(client: Client, generated: GeneratedClient) -> Iterator[Any]:
    with generated.package.Client(base_url=client.stack.api_url, timeout=30) as opened:
        yield opened


@pytest.mark.timeout(600)
def test_it_runs_the_whole_workflow(client: Client, generated: GeneratedClient, http: Any) -> None:
    models = generated.models
    client.put("generated.csv", recording())
    store = {
        "endpoint": client.stack.store.url,
        "bucket": BUCKET,
        "access_key": client.stack.store.access_key,
        "secret_key": client.stack.store.secret_key,
        "infrastructure": INFRASTRUCTURE,
    }
    services = generated.operation("services", "list_services_services_get").sync(client=http)
    assert "fft" in [service.name.value for service in services]

    dst = f"{DATA}/{INPUTS}/generated.csv"
    body = models.S3FileTransferRequest(**store, object_="generated.csv", dst=dst)
    accepted = generated.operation("stage_in", "stage_in_s3_data_post").sync(client=http, body=body)
    staged = _ended(generated, http, "stage_in", "get_s3_data_s3_data_row_id_get", accepted.id)
    assert staged.status.value == "completed", staged.reason

    params = models.JobRequestParams(
        read_input_data=f"/{INPUTS}/generated.csv", fft=models.FftOptions(window=models.FftOptionsWindow.HANN)
    )
    assert params.to_dict()["num_mpi_procs"] == 4, "it sends every default"
    request = models.JobRequest(
        services=[models.ServiceName.FFT, models.ServiceName.MIN_MAX],
        infrastructure=INFRASTRUCTURE,
        params=params,
    )
    accepted = generated.operation("jobs", "start_job_job_post").sync(client=http, body=request)
    job = _ended(generated, http, "jobs", "get_job_job_row_id_get", accepted.id)
    assert job.success, job.reason

    body = models.S3ResultTransferRequest(**store, object_="generated-fft.csv", src=job.outputs[0].path)
    accepted = generated.operation("stage_out", "stage_out_s3_result_post").sync(client=http, body=body)
    returned = _ended(generated, http, "stage_out", "get_s3_result_s3_result_row_id_get", accepted.id)
    assert returned.status.value == "completed", returned.reason
    assert client.stored("generated-fft.csv") == client.file(job.outputs[0].path).read_bytes()


@ON_SQLITE
def test_a_body_with_every_default_and_nulls_for_objects_runs(client: Client) -> None:
    """The first generation's document gave `num_mpi_procs: 4` and the others as defaults of the model."""
    path = client.place("defaults.csv", b"x;y\n1;2\n2;3\n4;5\n")
    objects = (
        "filter",
        "kalman",
        "fft",
        "min_max",
        "savitzky_golay",
        "black_scholes",
        "wavelet",
        "kmean",
        "knn",
    )
    defaults = JobParams(read_input_data=path).model_dump() | dict.fromkeys(objects) | {"icase": -1}
    body = {
        "services": ["kalman"],
        "infrastructure": INFRASTRUCTURE,
        "params": defaults,
        "watch_period": None,
        "resources": None,
    }
    job = client.finished(client.post("/job", body))
    assert job["success"], json.dumps(job)
    assert job["warnings"] == []
