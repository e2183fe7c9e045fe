"""Intrinsics on 32 bytes of text: masks of equal bytes and of digits, digits to numbers and back.

They are LLVM vectors, which LLVM maps onto the registers of the processor. Source of the conversion of eight
digits: D. Lemire, "Number parsing at a gigabyte per second" (2021), section 6, here on all lanes of a vector.
"""

from typing import Any

from hpc_kernels.jit.marks import Intrinsic, ir, types

VECTOR_BYTES = 32
TEXT_PADDING = (
    2 * VECTOR_BYTES
)  # bytes of padding that a text needs before and after the part that is read or written
_ZERO = ord("0")


def _vector(bits: int) -> Any:
    """Return the type of a vector of 32 bytes, as integers of `bits` bits."""
    return ir.VectorType(ir.IntType(bits), 8 * VECTOR_BYTES // bits)


def _constant(bits: int, value: int) -> Any:
    """Return a vector with `value` in all lanes."""
    kind = _vector(bits)
    return ir.Constant(kind, [ir.Constant(kind.element, value)] * kind.count)


def _broadcast(builder: Any, word: Any) -> Any:
    """Return a vector with the last byte of `word` in all lanes."""
    kind, place = _vector(8), ir.IntType(32)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), builder.trunc(word, kind.element), place(0))
    return builder.shuffle_vector(
        one, one, ir.Constant(ir.VectorType(place, VECTOR_BYTES), [place(0)] * VECTOR_BYTES)
    )


def _load(context: Any, builder: Any, kind: Any, text: Any, at: Any) -> Any:
    """Return the 32 bytes of an array from `at` on."""
    start = context.make_array(kind)(context, builder, text).data
    place = builder.bitcast(builder.gep(start, [at]), _vector(8).as_pointer())
    return builder.load(place, align=1)


def _mask(builder: Any, truths: Any) -> Any:
    """Return a word with the truth of lane i as bit i."""
    return builder.zext(builder.bitcast(truths, ir.IntType(VECTOR_BYTES)), ir.IntType(64))


@Intrinsic
def match_byte(_context: Any, text: Any, _at: Any, _byte: Any) -> Any:
    """Return the mask of bytes equal to `byte` among 32 of `text` from `at` on; bit 0 is the first byte."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        loaded = _load(context, builder, text, *arguments[:2])
        return _mask(builder, builder.icmp_unsigned("==", loaded, _broadcast(builder, arguments[2])))

    return types.uint64(text, types.int64, types.int64), generate


@Intrinsic
def match_digits(_context: Any, text: Any, _at: Any) -> Any:
    """Return the mask of decimal digits among 32 bytes of `text` from `at` on; bit 0 is the first byte."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        above = builder.sub(_load(context, builder, text, *arguments), _constant(8, _ZERO))
        return _mask(builder, builder.icmp_unsigned("<", above, _constant(8, 10)))

    return types.uint64(text, types.int64), generate


@Intrinsic
def parse_digits(_context: Any, text: Any, _end: Any, _count: Any, _after: Any) -> Any:
    """Return the numbers of the last 8 of `count` digits before `end`, of the 8 before and the 8 before.

    The byte before the last `after` digits, a decimal point, is skipped.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, end, count, after = arguments
        number = end.type
        lanes = ir.Constant(_vector(8), [ir.Constant(ir.IntType(8), lane) for lane in range(VECTOR_BYTES)])

        def last(places: Any) -> Any:
            return builder.icmp_unsigned(
                ">=", lanes, _broadcast(builder, builder.sub(number(VECTOR_BYTES), places))
            )

        behind, before = (
            _load(context, builder, text, array, builder.sub(end, number(back)))
            for back in (VECTOR_BYTES, VECTOR_BYTES + 1)
        )
        digits = builder.sub(builder.select(last(after), behind, before), _constant(8, _ZERO))
        groups = _join_digits(builder, builder.select(last(count), digits, _constant(8, 0)))
        parts = [builder.extract_element(groups, ir.IntType(32)(lane)) for lane in (3, 2, 1)]
        return context.make_tuple(builder, signature.return_type, parts)

    three = types.UniTuple(types.uint64, 3)
    return three(text, types.int64, types.int64, types.int64), generate


def _join_digits(builder: Any, digits: Any) -> Any:
    """Combine digits to numbers of two, four and eight digits, most significant first."""
    for bits, tens in ((16, 10), (32, 100), (64, 10_000)):
        pairs = builder.bitcast(digits, _vector(bits))
        first = builder.and_(pairs, _constant(bits, (1 << bits // 2) - 1))
        second = builder.lshr(pairs, _constant(bits, bits // 2))
        digits = builder.add(builder.mul(first, _constant(bits, tens)), second)
    return digits


@Intrinsic
def store_word(_context: Any, text: Any, _at: Any, _word: Any) -> Any:
    """Write the eight bytes of `word` to `text` at `at`, least significant first."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array, at, word = arguments
        start = context.make_array(text)(context, builder, array).data
        builder.store(word, builder.bitcast(builder.gep(start, [at]), word.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(text, types.int64, types.uint64), generate


@Intrinsic
def store_digits(
    _context: Any, text: Any, _at: Any, _first: Any, _middle: Any, _last: Any, _point: Any
) -> Any:
    """Write 1 + 8 + 8 digits with a decimal point after the first `point`; zeros follow up to 32 bytes.

    Return the number of digits without the zeros at their end.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array, at, first, middle, last, point = arguments
        place, byte, lanes = ir.IntType(32), ir.IntType(8), range(VECTOR_BYTES)
        words = ir.Constant(ir.VectorType(ir.IntType(64), 2), ir.Undefined)
        for i, word in enumerate((middle, last)):
            words = builder.insert_element(words, word, place(i))
        digits = _split_digits(builder, words)

        def chosen(left: Any, right: Any, which: list[int]) -> Any:
            return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(place, VECTOR_BYTES), which))

        head = builder.insert_element(
            ir.Constant(digits.type, [0] * 16), builder.trunc(first, byte), place(0)
        )
        bare = chosen(digits, head, [16, *range(7, -1, -1), *range(15, 7, -1), *[17] * 15])
        plain = builder.add(bare, _constant(8, _ZERO))
        moved = chosen(plain, plain, [0, *range(VECTOR_BYTES - 1)])
        lane, points = ir.Constant(_vector(8), [byte(i) for i in lanes]), _broadcast(builder, point)
        shown = builder.select(builder.icmp_unsigned("==", lane, points), _constant(8, ord(".")), moved)
        shown = builder.select(builder.icmp_unsigned("<", lane, points), plain, shown)
        start = context.make_array(text)(context, builder, array).data
        builder.store(shown, builder.bitcast(builder.gep(start, [at]), _vector(8).as_pointer()), align=1)
        some = builder.bitcast(builder.icmp_unsigned("!=", bare, _constant(8, 0)), place)
        zeros = builder.ctlz(builder.or_(some, place(1)), ir.IntType(1)(1))
        return builder.zext(builder.sub(place(VECTOR_BYTES), zeros), ir.IntType(64))

    numbers = (types.int64, types.uint64, types.uint64, types.uint64, types.int64)
    return types.int64(text, *numbers), generate


def _split_digits(builder: Any, words: Any) -> Any:
    """Split two numbers of eight digits into two times eight digits, the last one first."""

    def same(bits: int, value: int, lanes: int = 0) -> Any:
        kind = ir.VectorType(ir.IntType(bits), lanes or 128 // bits)
        return ir.Constant(kind, [kind.element(value)] * kind.count)

    def divided(numbers: Any, factor: int, shift: int) -> Any:
        wide = same(32, factor, 8).type
        product = builder.mul(builder.zext(numbers, wide), same(32, factor, 8))
        return builder.trunc(builder.lshr(product, same(32, shift, 8)), same(16, 0).type)

    def cast(numbers: Any, bits: int) -> Any:
        return builder.bitcast(numbers, same(bits, 0).type)

    def joined(rest: Any, first: Any, bits: int, tens: int) -> Any:
        """Return ``number - tens first`` in the lower half of a lane and `first` in the upper one."""
        return builder.add(rest, builder.mul(first, same(bits, (1 << bits // 2) - tens)))

    words = builder.and_(words, same(64, (1 << 32) - 1))  # LLVM multiplies halves at once
    first = builder.lshr(builder.mul(words, same(64, 109951163)), same(64, 40))
    fours = cast(joined(words, first, 64, 10_000), 16)
    first = cast(divided(fours, 5243, 19), 32)
    pairs = cast(joined(cast(fours, 32), first, 32, 100), 16)
    return cast(joined(pairs, divided(pairs, 6554, 16), 16, 10), 8)
