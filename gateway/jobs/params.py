"""`JobRequestParams`: the keys of the contract, their defaults, their limits, and their validation."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictStr, ValidationError

from gateway.clusters.configuration import Cluster
from gateway.errors import Invalid
from gateway.jobs.hints import path_warnings
from gateway.jobs.services import CLASSES, SERVICES, check_options, check_table
from gateway.left_out import RequestModel

# Options of the kernels sit beside the common keys, under the service's name.
KERNEL_KEYS = frozenset(SERVICES)
TABLE_KEY = "table"
IGNORED_KEYS = frozenset({"icase", "filter", "input_data_double", "input_data_float"})
LARGEST = 2**31 - 1
NAMED = 20  # unknown keys that a warning names, each with so many characters
LONGEST_NAME = 100
Path = Annotated[StrictStr, Field(max_length=2048)]
Flag = Literal[0, 1]


class JobParams(RequestModel):
    """The common keys of a job's parameters, with the defaults of the contract."""

    model_config = ConfigDict(extra="ignore")

    read_input_data: Path = Field(
        description="Input CSV below `root_dir` + `workspace`: `/Init_Data/x.csv`.", min_length=1
    )
    ideko_kernel: Flag = Field(1, description="1: the input is a wide sensor table.")
    inbestme_kernel: Flag = Field(
        0, description="1: the input is asset price pairs; then `ideko_kernel` is 0."
    )
    csv_output: Flag = Field(1, description="1: the result as CSV; 0: as `.npy` instead.")
    output_format: Literal["csv", "npy", "parquet", "arrow"] | None = Field(
        None,
        description="Format of the filters' results: `csv`, or `npy` where `csv_output` is 0, when left out.",
    )
    benchmark_state: Flag = Field(
        0,
        description="1: write a profile (times, bytes, peak memory, bandwidth) under `profiling_workspace`.",
    )
    num_mpi_procs: int = Field(
        4, ge=1, le=LARGEST, description="Scheduler tasks (ranks) that share the signals."
    )
    num_thread: int = Field(1, ge=1, le=LARGEST, description="Threads per rank.")
    perforation_stride: int = Field(
        1, ge=1, le=LARGEST, description="Compute every n-th sample, interpolate between."
    )
    precision_scenario: Literal[1, 2, 3, 4] = Field(
        1,
        description="Compute and output: 1 double and double, 2 double and float, 3 float and double, 4 float"
        " and float.",
    )
    num_numa: int = Field(
        8, ge=1, le=LARGEST, description="With `num_core_numa` the bound of ranks x threads per node."
    )
    num_core_numa: int = Field(16, ge=1, le=LARGEST, description="Cores of a NUMA node.")
    root_dir: Path = Field(
        "${HOME}/serrano",
        description="`${HOME}` is the home of the cluster's account; inside the allowed roots.",
    )
    workspace: Path = Field("/data", description="Folder of the data below `root_dir`.")
    profiling_workspace: Path = Field("/profile", description="Folder of the profiles below `root_dir`.")
    inference_knn_path: Path = Field(
        "/Init_Data/inference_data_position/", description="Folder of CSVs to classify, one signal each."
    )
    clustering_label_path: Path = Field(
        "/Output_Data/KMean/KMean_cluster.csv", description="Training labels for `knn`."
    )
    exe: Literal["build/SERRANO"] = Field(
        "build/SERRANO", description="Its default alone: a client never chooses the program."
    )


def parse_params(
    raw: dict[str, Any], services: list[str], cluster: Cluster
) -> tuple[dict[str, Any], list[str]]:
    """Return the parsed parameters, with every default filled in, and the warnings.

    Raises
    ------
    Invalid
        Naming the first key that cannot be honoured.
    """
    try:
        params = JobParams.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["params", *map(str, first["loc"])])
        raise Invalid(first["msg"], field=field) from error
    given = {service: {} if raw.get(service) is None else raw[service] for service in services}
    options = {service: check_options(service, each) for service, each in given.items()}
    layout = _choose_layout(params)
    if layout["ideko_kernel"] and "expiry_date" in options.get("black_scholes", ()):
        field = "params.black_scholes.expiry_date"
        raise Invalid(f"{field} needs the dates of asset pairs, not a sensor table", field=field)
    if raw.get(TABLE_KEY) is not None:
        options[TABLE_KEY] = check_table(raw[TABLE_KEY])
    form = {"output_format": _choose_format(params, services)}
    understood = params.model_dump() | _fit_ceiling(params, cluster) | layout | form | options
    known = JobParams.model_fields.keys() | KERNEL_KEYS | IGNORED_KEYS | {TABLE_KEY}
    told = path_warnings(understood, services)
    return understood, [*_ignored(sorted(raw.keys() - known)), *told]


def _ignored(unknown: list[str]) -> list[str]:
    """Name the first keys: the warnings are a part of every answer about the job."""
    named = [f"params.{key[:LONGEST_NAME]} is not known and was ignored" for key in unknown[:NAMED]]
    more = len(unknown) - len(named)
    return [*named, f"{more} more keys of params are not known and were ignored"] if more else named


def _choose_layout(params: JobParams) -> dict[str, int]:
    """Choose the input layout: asset pairs on request, else the sensor table.

    `ideko_kernel` is 1 by default, so it chooses nothing where asset pairs are requested.
    """
    return {"ideko_kernel": 0 if params.inbestme_kernel else 1}


def _choose_format(params: JobParams, services: list[str]) -> str:
    """Return the format of the results, or raise Invalid for one that does not suit them."""
    asked = params.output_format
    if not params.csv_output and asked not in {None, "npy"}:
        message = f"params.output_format must be npy where csv_output is 0, not {asked}"
        raise Invalid(message, field="params.output_format")
    if asked not in {None, "csv"} and CLASSES[services[0]] != "signal processing":
        raise Invalid(
            f"params.output_format must be csv for {services[0]}, not {asked}: the result is labels",
            field="params.output_format",
        )
    return asked or ("csv" if params.csv_output else "npy")


def _fit_ceiling(params: JobParams, cluster: Cluster) -> dict[str, int]:
    """Lower default ranks to the cluster's ceiling, or raise Invalid for requested ones above it."""
    per_node = params.num_numa * params.num_core_numa
    nodes = 1 if cluster.scheduler == "local" else cluster.ceilings.nodes
    ceiling = min(cluster.max_cpus, per_node * nodes if nodes else cluster.max_cpus)
    asked = params.model_fields_set
    ranks, threads = params.num_mpi_procs, params.num_thread
    if "num_mpi_procs" not in asked:
        ranks = max(1, min(ranks, ceiling // threads))
    if threads > per_node:
        ceiling = per_node
    if ranks * threads > ceiling:
        field = "num_mpi_procs" if "num_mpi_procs" in asked else "num_thread"
        raise Invalid(
            f"{ranks} ranks x {threads} threads do not fit: {cluster.name!r} allows {ceiling} in one job",
            field=f"params.{field}",
        )
    return {"num_mpi_procs": ranks, "num_thread": threads}
