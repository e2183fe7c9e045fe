"""Marked functions, intrinsics with the modules that they use, and object code: values shared inside `jit`.

This file imports neither the compiler nor the cache, so that both can stand beside the decorators.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Marked(Generic[P, R]):
    """A Python function to be compiled, the fast-math flags of LLVM that it allows, and its full name."""

    def __init__(self, function: Callable[P, R], flags: frozenset[str] = frozenset()) -> None:
        self.function = function
        self.flags = flags
        self.name = f"{function.__module__}.{function.__qualname__}"


class Intrinsic:
    """An instruction of LLVM; `generate` writes it for Numba, and only compiled functions call it."""

    def __init__(self, generate: Callable[..., Any]) -> None:
        self.generate = generate

    def __call__(self, *_arguments: Any) -> Any:
        """Raise `TypeError`: the method lets the type checker accept calls in compiled functions."""
        raise TypeError("an intrinsic is called by compiled functions only")


class CompilerModule:
    """A module that intrinsics use: the first attribute imports it, so jobs with cached code never do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


ir = CompilerModule("llvmlite.ir")
types = CompilerModule("numba.core.types")
cgutils = CompilerModule("numba.core.cgutils")


@dataclass(frozen=True)
class ObjectCode:
    """A compiled function: its object file, the name of its symbol and the kinds of its results.

    `single` is true for a function that returns one value and false for one that returns a tuple.
    """

    symbol: str
    results: tuple[str, ...]
    single: bool
    object_file: bytes
