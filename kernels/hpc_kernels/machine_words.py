"""What 64-bit processors can do and Numba does not name: the upper half of a product, bits of a float."""

from typing import Any

from hpc_kernels.compiled import Intrinsic


@Intrinsic
def high_product(_context: Any, _left: Any, _right: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""
    from llvmlite import ir  # noqa: PLC0415 (only a compiler comes here)
    from numba.core import types  # noqa: PLC0415

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(argument, wide) for argument in arguments)
        upper = builder.lshr(builder.mul(left, right), ir.Constant(wide, 64))
        return builder.trunc(upper, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@Intrinsic
def leading_zeros(_context: Any, _word: Any) -> Any:
    """Return how many zero bits stand before the first one of a uint64 that is not 0."""
    from llvmlite import ir  # noqa: PLC0415
    from numba.core import types  # noqa: PLC0415

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@Intrinsic
def float_of_bits(_context: Any, _word: Any) -> Any:
    """Return the float64 that a uint64 encodes."""
    from llvmlite import ir  # noqa: PLC0415
    from numba.core import types  # noqa: PLC0415

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


@Intrinsic
def bits_of_float(_context: Any, value: Any) -> Any:
    """Return the bits of a float64 or float32 as a uint64."""
    from llvmlite import ir  # noqa: PLC0415
    from numba.core import types  # noqa: PLC0415

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(value.bitwidth)), ir.IntType(64))

    return types.uint64(value), generate
