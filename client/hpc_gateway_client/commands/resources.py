"""The options of a job's resources, which a command takes as one value."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, get_type_hints

import typer

from hpc_gateway_client.commands.durations import parse_duration
from hpc_gateway_client.commands.sizes import parse_size


def _parse_time(text: str) -> int:
    duration = parse_duration(text)
    if not duration:
        raise typer.BadParameter(f"{text!r} is not a time such as 90m, 36h or 2d")
    return int(duration.total_seconds())


def _parse_memory(text: str) -> int:
    size = parse_size(text)
    if not size:
        raise typer.BadParameter(f"{text!r} is not a size such as 500M, 16G or 1.5T")
    return size


def _option(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(
        *names, help=text, rich_help_panel="Resources (the cluster decides if left out)", **more
    )


class _Options:
    """The options: each name is a key of `resources` in the REST API."""

    partition: Annotated[
        str | None, _option("Partition (queue); `infrastructure telemetry NAME` lists them with free CPUs.")
    ]
    nodes: Annotated[int | None, _option("Nodes to spread the ranks over; at most one per rank.", min=1)]
    time_limit_s: Annotated[
        int | None,
        _option(
            "Longest run: 90m, 36h, 2d. The scheduler ends the job then; a shorter limit may start sooner.",
            "--time-limit",
            parser=_parse_time,
            metavar="TIME",
        ),
    ]
    memory_bytes: Annotated[
        int | None,
        _option(
            "Memory of the whole job: 500M, 16G (powers of 1024, as in Slurm).",
            "--memory",
            parser=_parse_memory,
            metavar="SIZE",
        ),
    ]
    account: Annotated[
        str | None, _option("Account to charge; the cluster lists those that clients may name.")
    ]
    qos: Annotated[str | None, _option("Quality of service: its priority and its limits.")]
    constraint: Annotated[str | None, _option("Feature that the nodes must have, such as avx512.")]
    reservation: Annotated[str | None, _option("Reservation whose nodes to use.")]
    gres: Annotated[
        str | None, _option("Generic resources of each node, as name[:type][:count]: gpu:2,shard:1.")
    ]
    grow: Annotated[
        bool | None,
        _option(
            "Run a job that ends for lack of time or memory again, at most twice, with twice of it.",
            "--grow/--no-grow",
        ),
    ]


_PARAMETERS = {
    name: Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hint)
    for name, hint in get_type_hints(_Options, include_extras=True).items()
}


def with_resources(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it gets those that were used as the mapping `resources`."""

    @wraps(command)
    def with_options(**given: Any) -> None:
        asked = {name: given.pop(name, None) for name in _PARAMETERS}
        command(**given, resources={name: value for name, value in asked.items() if value is not None})

    own = signature(command, eval_str=True)
    kept = [parameter for name, parameter in own.parameters.items() if name != "resources"]
    with_options.__signature__ = own.replace(parameters=[*kept, *_PARAMETERS.values()])  # type: ignore[attr-defined]  # inspect's own
    return with_options
