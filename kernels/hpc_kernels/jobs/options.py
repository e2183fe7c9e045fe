"""Options of the services: their JSON Schema, defaults, validation, and error sentences."""

import math
from typing import Any

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.table_schema import TABLE_SCHEMA, twice_named

SCHEMA_VERSION = 1
_LARGEST = 1.7976931348623157e308  # excludes infinity, to which JSON's "1e999" is parsed
_LARGEST_WHOLE = 2**31 - 1

Options = dict[str, Any]


def _number(default: float | None, description: str, **bounds: float) -> Options:
    named = {"exclusiveMinimum": "above", "minimum": "of at least", "maximum": "of at most"}
    words = " and ".join(f"{named[key]} {value:g}" for key, value in bounds.items())
    schema = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST} | bounds
    if "exclusiveMinimum" in bounds:
        del schema["minimum"]
    told = {} if default is None else {"default": default}
    return schema | told | {"description": description, "x-must-be": f"a number {words}".rstrip()}


def _whole(default: int | None, description: str, least: int, words: str = "", **more: Any) -> Options:
    named = {} if default is None else {"default": default}
    schema = {"type": "integer", "minimum": least, "maximum": _LARGEST_WHOLE} | more
    words = words or f"a whole number from {least} to {schema['maximum']}"
    return schema | named | {"description": description, "x-must-be": words}


def _choice(values: list[str], description: str) -> Options:
    words = f"one of {', '.join(values)}"
    return {"enum": values, "default": values[0], "description": description, "x-must-be": words}


def _word_or_number(words: list[str], description: str) -> Options:
    number = {"type": "number", "minimum": 0, "maximum": _LARGEST}
    must_be = f"{', '.join(words)} or a number of at least 0"
    either = {"anyOf": [{"enum": words}, number], "default": words[0]}
    return either | {"description": description, "x-must-be": must_be}


def _service(description: str, *conditions: Options, **properties: Options) -> Options:
    schema = {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }
    return schema | ({"allOf": list(conditions)} if conditions else {})


def _if_given(option: str, bounds: Options, then: Options) -> Options:
    return {"if": {"properties": {option: bounds}, "required": [option]}, "then": {"properties": then}}


def _without(option: str, then: Options) -> Options:
    return {"if": {"not": {"required": [option]}}, "then": {"properties": then}}


_HIGHEST_ORDER = 20
# polyorder < window_length in JSON Schema: one condition for every odd order
_ORDER_BELOW_WINDOW = [
    _if_given("polyorder", {"minimum": order}, {"window_length": {"minimum": order + 2}})
    for order in range(1, _HIGHEST_ORDER, 2)
]
_BIORTHOGONAL = (
    "4.4",
    "5.5",
    "6.8",
    "1.1",
    "1.3",
    "1.5",
    "2.2",
    "2.4",
    "2.6",
    "2.8",
    "3.1",
    "3.3",
    "3.5",
    "3.7",
    "3.9",
)
_WAVELETS = [
    "haar",
    *(f"db{i}" for i in range(1, 39)),
    *(f"sym{i}" for i in range(2, 21)),
    *(f"coif{i}" for i in range(1, 18)),
    *(f"{family}{order}" for family in ("bior", "rbio") for order in _BIORTHOGONAL),
    "dmey",
]

# A default that does not fit the data is lowered; a given value that does not fit is refused.
_LOWERED: Options = {"x-lowered-to-fit": True}
# A default that another option replaces is omitted if that option is given.
_UNLESS_EXPIRY: Options = {"x-unless": "expiry_date"}
_BAND = _whole(None, "Sakoe-Chiba radius in samples under dtw", 0)

OPTION_SCHEMAS: dict[str, Options] = {
    "kalman": _service(
        "Scalar random-walk Kalman filter of every signal.",
        r=_number(10.0, "variance of the measurement noise", exclusiveMinimum=0),
        q=_number(0.01, "variance of the random walk per sample", minimum=0),
        p0=_number(1.0, "variance of the estimate before the first sample", minimum=0),
    ),
    "fft": _service(
        "Magnitude of the unnormalised discrete Fourier transform.",
        spectrum=_choice(["full", "half"], "all n bins, or those of non-negative frequency"),
        window=_choice(["none", "hann", "hamming", "blackman"], "periodic, not compensated"),
        sampling_rate=_number(
            None, "samples per second; adds a leading column `frequency`", exclusiveMinimum=0
        ),
    ),
    "min_max": _service(
        "Scaling of every signal onto [low, high].",
        low=_number(0.0, "where the minimum goes"),
        high=_number(1.0, "where the maximum goes"),
    ),
    "savitzky_golay": _service(
        "Smoothing by a polynomial fitted around every sample.",
        *_ORDER_BELOW_WINDOW,
        _without("polyorder", {"window_length": {"minimum": 5}}),
        _without("window_length", {"polyorder": {"maximum": 10}}),
        window_length=_whole(
            11,
            "samples in a window",
            1,
            "an odd whole number above polyorder",
            maximum=1_000_001,
            **{"not": {"multipleOf": 2}},
        ),
        polyorder=_whole(
            3,
            "degree of the polynomial",
            0,
            f"a whole number from 0 to {_HIGHEST_ORDER} and below window_length",
            maximum=_HIGHEST_ORDER,
        ),
        deriv=_whole(0, "order of the derivative", 0, maximum=100),
        delta=_number(1.0, "distance between samples", minimum=1e-15, maximum=1e15),
        mode=_choice(["nearest", "interp", "mirror", "wrap", "constant"], "extension beyond the ends"),
    ),
    "black_scholes": _service(
        "Twelve figures of a European call and put on every asset.",
        _if_given("expiry_date", {}, {"years_until_expiry": {"not": {}}}),
        call_strike_price=_number(2400.0, "strike of the call", exclusiveMinimum=0),
        put_strike_price=_number(2300.0, "strike of the put", exclusiveMinimum=0),
        risk_free_return=_number(0.01575, "continuously compounded, per year"),
        years_until_expiry=_number(
            1.6, "time to expiry in years; leave it out where expiry_date is given", exclusiveMinimum=0
        )
        | {"x-must-be": "a number above 0, and left out where expiry_date is given", **_UNLESS_EXPIRY},
        expiry_date={
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "description": "day of expiry; years are days / 365 from each asset's last date",
            "x-must-be": "a date as YYYY-MM-DD",
        },
        volatility=_word_or_number(
            ["log_return", "price_std"], "how the annualised volatility is taken from the prices, or itself"
        ),
    ),
    "wavelet": _service(
        "Denoising by shrinking the details of the discrete wavelet transform.",
        wavelet={
            "enum": _WAVELETS,
            "default": "db4",
            "description": "a discrete wavelet, by its name in PyWavelets",
            "x-must-be": "the name of a discrete wavelet, for example haar, db4, sym8, coif3 or bior2.2",
        },
        level=_whole(
            None,
            "levels of decomposition; by default as many as the length allows",
            0,
            maximum=64,
        ),
        threshold=_word_or_number(["universal"], "threshold of the detail coefficients"),
        mode=_choice(["soft", "hard"], "draw all details towards 0, or clear the small ones"),
    ),
    "kmean": _service(
        "k-means of whole signals.",
        cluster_number=_whole(2, "clusters", 1, **_LOWERED),
        epsilon_criteria=_number(1e-5, "stop when the centroids move less than this", minimum=0),
        max_iterations=_whole(10, "stop after so many assignments", 1),
        metric=_choice(["dtw", "euclidean"], "dynamic time warping with absolute cost, or Euclidean"),
        centroid=_choice(["mean", "dba"], "the mean, or one step of DTW barycentre averaging"),
        init=_choice(["kmeans++", "first"], "random draws that spread out, or the first signals"),
        seed=_whole(0, "seed of the random draws", 0),
        band=_BAND,
    ),
    "knn": _service(
        "k-nearest-neighbour classification of the signals in the inference folder.",
        k_nearest_neighbor=_whole(7, "training signals that vote", 1, **_LOWERED),
        cluster_number=_whole(2, "classes; labels are below it", 1),
        metric=_choice(["dtw", "euclidean"], "dynamic time warping, or Euclidean"),
        cost=_choice(["absolute", "squared"], "cost of laying one sample on another under dtw"),
        band=_BAND,
    ),
}


def schema_document() -> Options:
    """Return the JSON Schema of all services' options and of tables', as the command `schema` prints it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "version": SCHEMA_VERSION,
        "services": OPTION_SCHEMAS,
        "table": TABLE_SCHEMA,
    }


def resolve_options(service: str, options: Options) -> Options:
    """Return `options` with defaults filled in.

    A default that may be lowered to fit the data is left to the job, which knows the data.

    Raises
    ------
    BadInputError
        With a sentence that names the option.
    """
    if service not in OPTION_SCHEMAS:
        raise BadInputError(f"there is no service {service!r}; there are: {', '.join(OPTION_SCHEMAS)}")
    return _filled_in(service, options, OPTION_SCHEMAS[service])


def resolve_table(options: Options | None) -> Options | None:
    """Return the options of the table with defaults filled in; None where the job gives none.

    Raises
    ------
    BadInputError
        With a sentence that names the option.
    """
    if options is None:
        return None
    resolved = _filled_in("table", options, TABLE_SCHEMA)
    if said := twice_named(resolved):
        raise BadInputError(said)
    return resolved


def _filled_in(service: str, options: Options, schema: Options) -> Options:
    if options != {}:  # saves the import of the validator
        _validate(service, options, schema)
    defaults = {key: p["default"] for key, p in schema["properties"].items() if _is_filled_in(p, options)}
    return defaults | {name: _typed(value, schema["properties"][name]) for name, value in options.items()}


def _is_filled_in(option: Options, given: Options) -> bool:
    return "default" in option and "x-lowered-to-fit" not in option and option.get("x-unless") not in given


def _validate(service: str, options: Options, schema: Options) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 (lazy: a slow import)

    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = sorted(validator.iter_errors(options), key=lambda error: list(map(str, error.path)))
    if errors:
        raise BadInputError(error_sentence(service, errors[0], schema))
    for name, value in options.items():
        if isinstance(value, float) and math.isnan(
            value
        ):  # nan is not JSON, so a JSON Schema does not exclude it
            raise BadInputError(f"params.{service}.{name} must not be nan")


def error_sentence(service: str, error: Any, schema: Options) -> str:
    """Return one sentence for a `jsonschema.ValidationError` of the options of a service."""
    if not error.path:
        names = schema["properties"]
        if isinstance(error.instance, dict):
            unknown = ", ".join(repr(name) for name in error.instance if name not in names)
            return f"params.{service} has no option {unknown}; it has: {', '.join(names)}"
        return f"params.{service} must be an object, not {error.instance!r}"
    name = error.path[0]
    must_be = schema["properties"][name]["x-must-be"]
    return f"params.{service}.{name} must be {must_be}, not {error.instance!r}"


def _typed(value: Any, schema: Options) -> Any:
    """Convert 5.0 to 5 for an integer option, and 5 to 5.0 for a number option."""
    kinds = {"integer": int, "number": float}
    kind = kinds.get(schema.get("type", ""))
    return kind(value) if kind else value
