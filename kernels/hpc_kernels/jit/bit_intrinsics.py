"""Intrinsics on 64-bit words that Numba lacks: upper half of a product, bit counts, bits of floats."""

from collections.abc import Callable
from typing import Any

from hpc_kernels.jit.marks import Intrinsic, ir, types

Word = Any  # a uint64: type checkers take one that is mixed with whole numbers for a float


@Intrinsic
def high_product(_context: Any, _left: Any, _right: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(argument, wide) for argument in arguments)
        upper = builder.lshr(builder.mul(left, right), ir.Constant(wide, 64))
        return builder.trunc(upper, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def _of_one_word(instruction: Callable[[Any, Any], Any]) -> Any:
    """Return the signature and the generator of an instruction that maps a uint64 to a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return instruction(builder, arguments[0])

    return types.uint64(types.uint64), generate


def _undefined_for_0() -> Any:

    return ir.Constant(ir.IntType(1), 1)


@Intrinsic
def scaled_interval(_context: Any, _word: Any, _below: Any, _above: Any, _upper: Any, _lower: Any) -> Any:
    """Return the upper 64 bits of three products with the 128-bit factor ``upper * 2**64 + lower``.

    The other factors are ``word - 2**below``, ``word`` and ``word + 2**above``; both powers lie between 1 and
    63. The last bit is also set if the next 64 bits of the product are greater than 1.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        long, wide, word = ir.IntType(192), ir.IntType(128), ir.IntType(64)
        factor, below, above, upper, lower = arguments

        def joined(*words: Any) -> Any:
            first, *rest = (builder.zext(one, long) for one in words)
            for one in rest:
                first = builder.or_(builder.shl(first, long(64)), one)
            return first

        def product(part: Any) -> Any:
            return builder.zext(builder.mul(builder.zext(factor, wide), builder.zext(part, wide)), long)

        def shifted(by: Any) -> Any:
            back = builder.sub(word(64), by)
            middle = builder.or_(builder.shl(upper, by), builder.lshr(lower, back))
            return joined(builder.lshr(upper, back), middle, builder.shl(lower, by))

        def cut(exact: Any) -> Any:
            top, rest = (builder.trunc(builder.lshr(exact, long(bits)), word) for bits in (128, 64))
            return builder.or_(top, builder.zext(builder.icmp_unsigned(">", rest, word(1)), word))

        centre = builder.add(builder.shl(product(upper), long(64)), product(lower))
        ends = builder.sub(centre, shifted(below)), centre, builder.add(centre, shifted(above))
        return context.make_tuple(builder, signature.return_type, [cut(end) for end in ends])

    three = types.UniTuple(types.uint64, 3)
    return three(*[types.uint64] * 5), generate


@Intrinsic
def leading_zeros(_context: Any, _word: Any) -> Any:
    """Return the number of leading zero bits of a uint64 other than 0."""
    return _of_one_word(lambda builder, word: builder.ctlz(word, _undefined_for_0()))


@Intrinsic
def trailing_zeros(_context: Any, _word: Any) -> Any:
    """Return the number of trailing zero bits of a uint64 other than 0."""
    return _of_one_word(lambda builder, word: builder.cttz(word, _undefined_for_0()))


@Intrinsic
def count_ones(_context: Any, _word: Any) -> Any:
    """Return the number of set bits of a uint64 (population count)."""
    return _of_one_word(lambda builder, word: builder.ctpop(word))


@Intrinsic
def bits_to_float(_context: Any, _word: Any) -> Any:
    """Return the float64 with the bits of a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


@Intrinsic
def float_to_bits(_context: Any, value: Any) -> Any:
    """Return the bits of a float64 or float32 as a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(value.bitwidth)), ir.IntType(64))

    return types.uint64(value), generate
