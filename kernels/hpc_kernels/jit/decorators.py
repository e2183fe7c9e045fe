"""Decorators that compile a function of arrays and numbers: Numba compiles once, jobs load without Numba.

The first call with arguments of some kinds (``float64[2C]``, ``int64``) on a processor compiles a function
for them; docs/decisions/compiled-code.md gives the reasons against Numba's own cache.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, cast

import numpy as np

from hpc_kernels.jit import object_cache
from hpc_kernels.jit.marks import Marked, ObjectCode, P, R
from hpc_kernels.jit.object_cache import NativeCall

ArgumentKinds = tuple[str, ...]
_compiling = Lock()
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class Compiled(Marked[P, R]):
    """A compiled function: it runs as machine code and releases the interpreter lock meanwhile.

    It takes arrays, whole numbers (truth values are 0 and 1) and floats, allocates nothing, and returns
    None, a number, or a tuple of numbers. Other compiled functions may pass it any type of Numba's.
    """

    def __init__(self, function: Callable[P, R], flags: frozenset[str] = frozenset()) -> None:
        super().__init__(function, flags)
        self.__doc__ = function.__doc__
        self._calls: dict[ArgumentKinds, NativeCall] = {}

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Run the machine code for the kinds of these arguments, all given by position."""
        if named:
            raise TypeError(f"{self.name} takes its arguments by position")
        kinds = tuple(map(_kind, arguments))
        call = self._calls.get(kinds) or self._call(kinds)
        return cast("R", call(arguments))

    def _call(self, kinds: ArgumentKinds) -> NativeCall:
        with _compiling:
            if kinds not in self._calls:
                self._calls[kinds] = object_cache.load_function(self.name, kinds, self._compile)
            return self._calls[kinds]

    def _compile(self, kinds: ArgumentKinds) -> ObjectCode:
        from hpc_kernels.jit.numba_compiler import compile_to_object  # noqa: PLC0415 (Numba costs half a second)

        return compile_to_object(self, kinds)


def _kind(argument: Any) -> str:
    if isinstance(argument, np.ndarray):
        return f"{argument.dtype}[{argument.ndim}{'C' if argument.flags.c_contiguous else 'A'}]"
    if isinstance(argument, np.float32):
        return "float32"
    if isinstance(argument, float):
        return "float64"
    if isinstance(argument, (int, np.integer)):
        if not _LEAST <= argument <= _GREATEST:  # ctypes would cut off the upper bits
            raise OverflowError(f"{argument} is no whole number of 64 bits")
        return "int64"
    raise TypeError(f"compiled functions take arrays and numbers, not {type(argument).__name__}")


compiled = Compiled


def compiled_fused(function: Callable[P, R]) -> Compiled[P, R]:
    """Compile with fused multiply-add: one rounding for a product and a sum, and twice the speed.

    Unsuited to code that relies on ``a * b - a * b`` being 0.
    """
    return Compiled(function, frozenset({"contract"}))


def compiled_any_order(function: Callable[P, R]) -> Compiled[P, R]:
    """Compile a minimum, or a sum in any order of its terms, for vector registers.

    The length alone decides the order, so results do not depend on ranks and threads.
    """
    return Compiled(function, frozenset({"contract", "nnan", "nsz", "reassoc"}))
