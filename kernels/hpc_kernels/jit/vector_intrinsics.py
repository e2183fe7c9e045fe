"""Eight numbers in double precision at a time: LLVM's vectors, which become whatever the processor has.

For intrinsics: only a compiler comes here, so what writes LLVM's language is imported where it is used.
"""

from typing import Any

VECTOR_DOUBLES = 8


def vector_type() -> Any:
    """Return the type of eight numbers."""
    from llvmlite import ir  # noqa: PLC0415

    return ir.VectorType(ir.DoubleType(), VECTOR_DOUBLES)


def data_pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the place of an array's first number."""
    return context.make_array(kind)(context, builder, array).data


def vector_pointer(builder: Any, start: Any, index: Any) -> Any:
    """Return the place of eight numbers of an array, from `index` on."""
    from llvmlite import ir  # noqa: PLC0415

    place = builder.gep(start, [index])
    return builder.bitcast(place, ir.VectorType(place.type.pointee, VECTOR_DOUBLES).as_pointer())


def load_vector(builder: Any, start: Any, index: Any) -> Any:
    """Return eight numbers of an array of either precision."""
    found = builder.load(vector_pointer(builder, start, index), align=4)
    return found if found.type == vector_type() else builder.fpext(found, vector_type())


def broadcast(builder: Any, start: Any, index: Any) -> Any:
    """Return one number of an array, of either precision, in all lanes."""
    from llvmlite import ir  # noqa: PLC0415

    value, place = builder.load(builder.gep(start, [index])), ir.IntType(32)
    wide = value if value.type == ir.DoubleType() else builder.fpext(value, ir.DoubleType())
    one = builder.insert_element(ir.Constant(vector_type(), ir.Undefined), wide, place(0))
    return builder.shuffle_vector(one, one, _places([0] * VECTOR_DOUBLES))


def shift_pair(builder: Any, first: Any, second: Any, by: int) -> Any:
    """Return eight of sixteen numbers, from number `by` on."""
    return builder.shuffle_vector(first, second, _places(range(by, by + VECTOR_DOUBLES)))


def _places(lanes: Any) -> Any:
    from llvmlite import ir  # noqa: PLC0415

    place = ir.IntType(32)
    return ir.Constant(ir.VectorType(place, VECTOR_DOUBLES), [place(lane) for lane in lanes])


def multiply_add(builder: Any, total: Any, one: Any, other: Any) -> Any:
    """Return ``total + one * other``, rounded once where the processor can."""
    return builder.fadd(total, builder.fmul(one, other, flags=("contract",)), flags=("contract",))


def prefetch(builder: Any, start: Any, index: Any) -> Any:
    """Ask for a number before it is needed; it may lie beyond the array."""
    from llvmlite import ir  # noqa: PLC0415

    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    to_read, to_keep, data = word(0), word(3), word(1)
    builder.call(function, [builder.bitcast(builder.gep(start, [index]), byte), to_read, to_keep, data])
