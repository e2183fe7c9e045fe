"""What 64-bit processors can do and Numba does not name: the upper half of a product, bits of a float."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

_WIDE = ir.IntType(128)


def _high_product(_context: Any, _left: Any, _right: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        left, right = (builder.zext(argument, _WIDE) for argument in arguments)
        upper = builder.lshr(builder.mul(left, right), ir.Constant(_WIDE, 64))
        return builder.trunc(upper, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def _leading_zeros(_context: Any, _word: Any) -> Any:
    """Return how many zero bits stand before the first one of a uint64 that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _float_of_bits(_context: Any, _word: Any) -> Any:
    """Return the float64 that a uint64 encodes."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


def _bits_of_float(_context: Any, value: Any) -> Any:
    """Return the bits of a float64 or float32 as a uint64."""
    width = value.bitwidth

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(width)), ir.IntType(64))

    return types.uint64(value), generate


# Numba fills in the first argument, which no checker of types can know: hence Any.
high_product: Any = intrinsic(_high_product)
leading_zeros: Any = intrinsic(_leading_zeros)
float_of_bits: Any = intrinsic(_float_of_bits)
bits_of_float: Any = intrinsic(_bits_of_float)
