"""Job files: the JSON document that a batch script passes to `python -m hpc_kernels run`, and its checks."""

import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.options import Options, resolve_options, resolve_table
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.tables.reading_options import ReadingOptions

JOB_VERSION = 1
_LONGEST = 1 << 20  # bytes of a job file; options are numbers and words


@dataclass(frozen=True)
class Job:
    """One attempt of a job; the fields are the keys of the job file."""

    version: int
    name: str
    services: dict[str, Options]
    input: Path
    output_dir: Path
    layout: str = "sensor_table"
    publish_dir: Path | None = None
    csv_output: bool = True
    output_format: str = ""
    threads: int = 1
    perforation_stride: int = 1
    precision_scenario: int = 1
    profile: Path | None = None
    inference_dir: Path | None = None
    labels: Path | None = None
    table: Options | None = None

    @property
    def kind(self) -> str:
        """The class of the services: filtering, clustering or classification."""
        return SERVICES[next(iter(self.services))].kind

    def output_path(self, place: str) -> Path:
        """Return the path of the result with the CSV path `place` below the output folder."""
        return (self.output_dir / place).with_suffix(f".{self.format}")

    @property
    def format(self) -> str:
        """The format of the results: csv, npy, parquet or arrow."""
        return self.output_format or ("csv" if self.csv_output else "npy")

    @property
    def reading(self) -> ReadingOptions:
        """How the input table is read."""
        return ReadingOptions.of(self.table)

    @property
    def compute_type(self) -> str:
        """The NumPy name of the precision of the arithmetic."""
        return "float64" if self.precision_scenario in {1, 2} else "float32"

    @property
    def output_type(self) -> str:
        """The NumPy name of the precision of the result."""
        return "float64" if self.precision_scenario in {1, 3} else "float32"


_REQUIRED = {field.name for field in fields(Job) if field.default is MISSING}
_PATHS = {"input", "output_dir", "publish_dir", "profile", "inference_dir", "labels"}
_OPTIONAL_PATHS = _PATHS - {"input", "output_dir"}


def load_job(path: Path) -> Job:
    """Read the job file at `path`.

    Raises
    ------
    BadInputError
        One line that names the key.
    """
    try:
        document = json.loads(_content(path), parse_constant=_no_constant)
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInputError(f"{path}: not a JSON document: {error}") from error
    except RecursionError as error:
        raise BadInputError(f"{path}: not a job: its values are nested too deeply") from error
    try:
        return _job(document)
    except BadInputError as error:
        raise BadInputError(f"{path.name}: {error}") from error


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise BadInputError(f"{path}: expected a job of at most {_LONGEST:,} bytes, found a larger file")
    return content


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _job(document: Any) -> Job:
    if not isinstance(document, dict):
        raise BadInputError("expected an object")
    if document.get("version") != JOB_VERSION or isinstance(document.get("version"), bool):
        raise BadInputError(f"version must be {JOB_VERSION}, not {document.get('version')!r}")
    _check_keys(document)
    values = {key: _value(key, value) for key, value in document.items()}
    services = values.pop("services")
    checked_services = {name: resolve_options(name, options) for name, options in services.items()}
    values["table"] = resolve_table(values.get("table"))
    if len({SERVICES[name].kind for name in services}) > 1:
        kinds = ", ".join(f"{name} ({SERVICES[name].kind})" for name in services)
        raise BadInputError(f"services of different classes do not mix in one job: {kinds}")
    job = Job(services=checked_services, **values)
    _check_format(job)
    return job


def _check_format(job: Job) -> None:
    """Refuse a format beside `csv_output: false`, and columns for results that are labels."""
    if not job.csv_output and job.output_format not in {"", "npy"}:
        raise BadInputError(f"output_format must be npy where csv_output is false, not {job.output_format}")
    if job.kind != "filtering" and job.output_format not in {"", "csv"}:
        raise BadInputError(f"output_format must be csv for {', '.join(job.services)}: the result is labels")


def _check_keys(document: dict[str, Any]) -> None:
    known = {field.name for field in fields(Job)}
    if unknown := sorted(document.keys() - known):
        raise BadInputError(f"unknown key {', '.join(map(repr, unknown))}")
    if missing := sorted(_REQUIRED - document.keys()):
        raise BadInputError(f"missing key {', '.join(map(repr, missing))}")


def _value(key: str, value: Any) -> Any:
    if key in _PATHS:
        return _path(key, value)
    must_be, fits = _EXPECTED[key]
    if not fits(value):
        raise BadInputError(f"{key} must be {must_be}, not {value!r}")
    return value


def _path(key: str, value: Any) -> Path | None:
    if value is None and key in _OPTIONAL_PATHS:
        return None
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise BadInputError(f"{key} must be an absolute path, not {value!r}")
    return Path(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_LARGEST = 2**31 - 1
_AT_LEAST_ONE = (f"a whole number from 1 to {_LARGEST}", lambda v: _is_int(v) and 1 <= v <= _LARGEST)
_FORMATS = ("csv", "npy", "parquet", "arrow")
_EXPECTED: dict[str, tuple[str, Any]] = {
    "version": (f"{JOB_VERSION}", _is_int),
    "name": ("a non-empty string", lambda v: isinstance(v, str) and v),
    "services": ("an object with a service", lambda v: isinstance(v, dict) and v),
    "layout": ("sensor_table or asset_pairs", lambda v: v in ("sensor_table", "asset_pairs")),
    "csv_output": ("true or false", lambda v: isinstance(v, bool)),
    "output_format": (", ".join(_FORMATS), lambda v: v in _FORMATS),
    "table": ("an object", lambda v: v is None or isinstance(v, dict)),
    "threads": _AT_LEAST_ONE,
    "perforation_stride": _AT_LEAST_ONE,
    "precision_scenario": ("1, 2, 3 or 4", lambda v: _is_int(v) and 1 <= v <= 4),  # noqa: PLR2004
}
