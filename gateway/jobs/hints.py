"""Warnings about paths of a job that probably mean another place, or are not of the kind that it needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.clusters.path_hints import DATA, meant_input
from gateway.clusters.paths import join_below

_PATHS = ("read_input_data", "inference_knn_path", "clustering_label_path")
_OF_KNN = _PATHS[1:]
_SHOWN = 200
_KNN_FOLDER = "knn reads a folder with a CSV for each signal; it names a file"
_KNN_LABELS = "knn reads a file of labels in the layout of kmean's result; it names a folder"


def path_warnings(params: Mapping[str, Any], services: Sequence[str]) -> list[str]:
    """Return the warnings about the paths that the job reads."""
    read = _PATHS if "knn" in services else _PATHS[:1]
    data = join_below(params["root_dir"], params["workspace"])
    doubled = (_doubled(name, params[name]) for name in read) if data.endswith(f"/{DATA}") else ()
    kinds = _wrong_kinds(params) if "knn" in services else ()
    return [*filter(None, doubled), *kinds]


def _doubled(name: str, text: str) -> str:
    meant = meant_input(text)
    if meant is None:
        return ""
    return (
        f"params.{name} {text[:_SHOWN]!r} is read below the data folder, which it names again;"
        f" {meant[:_SHOWN]!r} was probably meant"
    )


def _wrong_kinds(params: Mapping[str, Any]) -> Iterator[str]:
    folder, labels = (params[name] for name in _OF_KNN)
    if folder.casefold().endswith(".csv"):
        yield f"params.{_OF_KNN[0]} {folder[:_SHOWN]!r}: {_KNN_FOLDER}"
    if labels.endswith("/"):
        yield f"params.{_OF_KNN[1]} {labels[:_SHOWN]!r}: {_KNN_LABELS}"
