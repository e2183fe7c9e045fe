"""The client's copies of the server's knowledge agree with the server: services, models, commands."""

from importlib.metadata import entry_points
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

import hpc_gateway_client
from api.app import create_app
from gateway.errors import Fault, Invalid
from gateway.jobs.services import CLASSES as SERVER_CLASSES
from gateway.jobs.services import check_services as server_check_services
from gateway.jobs.services import option_schema, table_schema
from gateway.states import JobState, TransferState, WorkflowState
from gateway.tables.understood import problem_of_job
from hpc_gateway_client import (
    GatewayClientError,
    errors,
    members,
    models,
    options,
    overview,
    tables,
    uploads,
)
from hpc_gateway_client.commands.extensions import SERVER_COMMANDS, expected_errors
from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_client.commands.services import CLASSES, check_services
from hpc_gateway_commands.ports import API_PORT

# The schemas of the answers that a model of the client stands for.
SCHEMAS: dict[type[models.Model], tuple[str, ...]] = {
    models.BulkCancelled: ("BulkCancelled",),
    models.BulkItem: ("BulkItem",),
    models.BulkRetried: ("BulkRetried",),
    models.Event: ("HistoryEvent",),
    models.Infrastructure: ("InfrastructureSummary",),
    models.Job: ("JobStatus",),
    models.Log: ("JobLog",),
    models.Output: ("JobOutput",),
    members.Member: ("SweepMember",),
    models.Page: (
        "Page_JobStatus_",
        "Page_S3FileTransferStatus_",
        "Page_S3ResultTransferStatus_",
        "Page_WorkflowStatus_",
        "MembersPage",
    ),
    models.Partition: ("PartitionTelemetry",),
    models.Step: ("WorkflowStep",),
    models.Telemetry: ("InfrastructureTelemetry",),
    models.Transfer: ("FileTransferStatus", "S3FileTransferStatus", "S3ResultTransferStatus"),
    models.Workflow: ("WorkflowStatus",),
    models.WorkflowForecast: ("WorkflowForecast",),
    models.WorkflowOutput: ("WorkflowResult",),
    tables.TableJudgement: ("TableJudgement",),
    overview.Count: ("Count",),
    overview.Failure: ("Failure",),
    overview.Overview: ("Overview",),
    overview.Pulse: ("Pulse",),
    uploads.Parts: ("FileParts",),
    uploads.StoredFile: ("FileStatus",),
    uploads.Upload: ("FileUpload",),
}
ADDED_BY_THE_CLIENT = {"kind"}  # of a transfer or a job, from the collection that it was fetched from


@pytest.fixture(scope="module")
def server() -> dict[str, Any]:
    schemas: dict[str, Any] = create_app().openapi()["components"]["schemas"]
    return schemas


def _types(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema allows."""
    if "$ref" in schema:
        return _types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return {name for part in schema["anyOf"] for name in _types(part, definitions)}
    if "type" in schema:
        return {schema["type"]}
    return {"string", "integer", "number", "boolean", "array", "object", "null"}


PAIRS = [(model, name) for model, names in SCHEMAS.items() for name in names]


@pytest.mark.parametrize(("model", "name"), PAIRS, ids=[name for _, name in PAIRS])
def test_a_model_reads_what_the_server_describes(
    server: dict[str, Any], model: type[models.Model], name: str
) -> None:
    ours = model.model_json_schema()
    theirs = server[name]["properties"]
    for field, schema in ours["properties"].items():
        if field not in theirs:
            assert field not in ours.get("required", []) or field in ADDED_BY_THE_CLIENT
            continue
        assert _types(theirs[field], server) <= _types(schema, ours.get("$defs", {})), field


@pytest.mark.parametrize("model", [m for m in SCHEMAS if m.__module__ == overview.__name__])
def test_the_overview_has_every_field_of_the_server(
    server: dict[str, Any], model: type[models.Model]
) -> None:
    assert set(model.model_fields) == set(server[SCHEMAS[model][0]]["properties"])


def test_every_model_of_the_client_is_compared() -> None:
    named = [each for module in (models, overview, uploads) for each in vars(module).values()]
    ours = {each for each in named if isinstance(each, type)}
    public = {each for each in ours if issubclass(each, models.Model) and not each.__name__.startswith("_")}
    assert public - {models.Model} == set(SCHEMAS) - {tables.TableJudgement, members.Member}


def test_the_services_and_their_classes_are_the_servers() -> None:
    assert list(CLASSES.items()) == list(SERVER_CLASSES.items())


@pytest.mark.parametrize("services", [["fftt"], ["fft", "fft"], ["fft", "knn"], ["kmean", "knn"], [""]])
def test_both_refuse_the_same_services_in_the_same_words(services: list[str]) -> None:
    with pytest.raises(Invalid) as theirs:
        server_check_services(services)
    with pytest.raises(GatewayClientError) as ours:
        check_services(services)
    assert str(ours.value) == str(theirs.value)


def test_both_accept_the_same_services() -> None:
    for services in (["fft"], ["fft", "min_max"], ["knn"]):
        server_check_services(services)
        check_services(services)


@pytest.mark.parametrize("layout", ["sensor_table", "asset_pairs"])
@pytest.mark.parametrize("kernel", [0, 1])
@pytest.mark.parametrize("table", [None, {}, {"missing": "error"}, {"missing": "drop"}, {"skip": ["a"]}])
def test_both_find_the_same_problem_of_a_job(layout: str, kernel: int, table: dict[str, Any] | None) -> None:
    params = {"inbestme_kernel": kernel, "table": table}
    ours = tables.TableJudgement(state="known", layout=layout, problem="x.csv: row 2")
    theirs = problem_of_job({"layout": layout, "problem": "x.csv: row 2"}, params)
    assert ours.problem_of_job(["fft"], params) == theirs


def test_the_client_knows_the_servers_commands_and_their_help() -> None:
    points = {point.name: point for point in entry_points(group="hpc_gateway.commands")}
    assert points.keys() == SERVER_COMMANDS.keys()
    for name, point in points.items():
        command = point.load()
        text = command.info.help if isinstance(command, typer.Typer) else command.__doc__
        assert text == SERVER_COMMANDS[name]


def test_the_default_url_is_where_the_api_listens() -> None:
    assert f":{API_PORT}" in LOCAL_URL


def test_an_error_of_the_server_is_a_line_and_not_a_traceback() -> None:
    assert issubclass(Invalid, expected_errors())
    assert not issubclass(ValueError, expected_errors())


@pytest.mark.parametrize("service", SERVER_CLASSES)
def test_the_typed_options_are_the_kernels(service: str) -> None:
    types = get_type_hints(get_type_hints(options.JobParams)[service])
    schemas = option_schema(service)["properties"]
    assert types.keys() == schemas.keys()
    for name, kind in types.items():
        if get_origin(kind) is Literal:
            assert list(get_args(kind)) == schemas[name]["enum"], name


def test_the_typed_parameters_are_the_servers() -> None:
    documented = create_app().openapi()["components"]["schemas"]["JobRequestParams"]["properties"]
    assert options.JobParams.__annotations__.keys() <= documented.keys()
    assert options.TableOptions.__annotations__.keys() == table_schema()["properties"].keys()


def test_the_words_of_filters_are_the_servers() -> None:
    assert list(models.TRANSFER_STATES) == list(TransferState)
    assert set(models.JOB_STATES) == set(JobState)
    assert list(models.WORKFLOW_STATES) == list(WorkflowState)
    assert list(models.FAULTS) == list(Fault)


def test_a_user_imports_every_error_and_every_row_from_the_package() -> None:
    made = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    rows = {"Transfer", "Job", "Workflow", "WorkflowOutput", "Member"}
    assert (made | rows) - set(hpc_gateway_client.__all__) == set()
