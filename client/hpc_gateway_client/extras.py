"""Packages that the client needs for some results alone: each is an extra of its distribution."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hpc_gateway_client.errors import GatewayClientError

PACKAGES = {"plot": "matplotlib", "numpy": "numpy", "pandas": "pandas", "polars": "polars"}


class MissingExtra(GatewayClientError):
    """A package of an extra is not installed."""


def has_extra(extra: str) -> bool:
    """Return whether the package of an extra is installed."""
    return find_spec(PACKAGES[extra]) is not None


def load_extra(extra: str, purpose: str, module: str = "") -> Any:
    """Return a module of an extra's package; the error names the extra."""
    try:
        return import_module(module or PACKAGES[extra])
    except ImportError as error:
        raise missing_extra(extra, purpose) from error


def missing_extra(extra: str, purpose: str) -> MissingExtra:
    """Return the error that names the extra, and how to install it."""
    return MissingExtra(
        f"{purpose} needs the extra `{extra}` of the client: install `{PACKAGES[extra]}`, or in a clone of"
        f' the repository `pip install -c constraints.txt "./client[{extra}]"`'
    )
