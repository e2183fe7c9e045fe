"""Numba as the compiler of marked functions; imported only if machine code is missing from the cache."""

from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core.registry import cpu_target
from numba.extending import intrinsic, typeof_impl

from hpc_kernels.jit.marks import Intrinsic, Marked, ObjectCode

_numba: Any = numba  # Numba annotates its functions too narrowly
_types = _numba.core.types
# Without Numba's run time (`_nrt`) a function that allocates memory does not compile. The wrappers serve
# calls from the interpreter, for which `object_cache` uses ctypes.
_BARE = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compile_to_object(function: Marked[..., Any], kinds: tuple[str, ...]) -> ObjectCode:
    """Return the object code of `function` for arguments of these kinds on this processor."""
    signature, dispatcher = tuple(map(_type, kinds)), _dispatcher(function)
    dispatcher.compile(signature)
    made = dispatcher.overloads[signature]
    module = llvm.parse_assembly(dispatcher.inspect_llvm(signature))
    returned = made.signature.return_type
    results = returned.types if isinstance(returned, _types.BaseTuple) else (returned,)
    return ObjectCode(
        symbol=made.fndesc.mangled_name,
        results=tuple(str(_types.unliteral(one)) for one in results if one is not _types.none),
        single=not isinstance(returned, _types.BaseTuple),
        object_file=_machine().emit_object(module),
    )


def _type(kind: str) -> Any:
    """Return Numba's type for a kind: ``int64``, or ``float64[2C]`` for a contiguous matrix."""
    item, _, shape = kind.partition("[")
    scalar = getattr(_types, item)
    return _types.Array(scalar, int(shape[0]), shape[1]) if shape else scalar


@cache
def _machine() -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=processor, features=features, opt=3, reloc="pic")


@cache
def _dispatcher(function: Marked[..., Any]) -> Any:
    """Return Numba's dispatcher of a marked function."""
    compile_ = _numba.njit(nogil=True, error_model="numpy", fastmath=set(function.flags), **_BARE)
    return compile_(function.function)


@cache
def _instruction(intrinsic_: Intrinsic) -> Any:
    return intrinsic(intrinsic_.generate)


@typeof_impl.register(Marked)
def _type_of_marked(function: Marked[..., Any], _context: Any) -> Any:
    return _numba.typeof(_dispatcher(function))


@typeof_impl.register(Intrinsic)
def _type_of_intrinsic(found: Intrinsic, _context: Any) -> Any:
    instruction, context = _instruction(found), cpu_target.typing_context
    context.refresh()  # the intrinsic may be new to it
    return context.resolve_value_type(instruction)
