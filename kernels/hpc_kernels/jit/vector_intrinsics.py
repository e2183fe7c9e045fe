"""LLVM vectors of eight doubles, for intrinsics; LLVM maps them onto the registers of the processor."""

from typing import Any

from hpc_kernels.jit.marks import ir

VECTOR_DOUBLES = 8


def vector_type() -> Any:
    """Return the type of a vector of eight doubles."""
    return ir.VectorType(ir.DoubleType(), VECTOR_DOUBLES)


def data_pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return a pointer to the first element of an array."""
    return context.make_array(kind)(context, builder, array).data


def vector_pointer(builder: Any, start: Any, index: Any) -> Any:
    """Return a pointer to the vector that begins at element `index` of an array."""
    place = builder.gep(start, [index])
    return builder.bitcast(place, ir.VectorType(place.type.pointee, VECTOR_DOUBLES).as_pointer())


def load_vector(builder: Any, start: Any, index: Any) -> Any:
    """Return eight elements of a float64 or float32 array, from `index` on, as a vector of doubles."""
    found = builder.load(vector_pointer(builder, start, index), align=4)
    return found if found.type == vector_type() else builder.fpext(found, vector_type())


def broadcast(builder: Any, start: Any, index: Any) -> Any:
    """Return a vector with one element of a float64 or float32 array in all lanes."""
    value, place = builder.load(builder.gep(start, [index])), ir.IntType(32)
    wide = value if value.type == ir.DoubleType() else builder.fpext(value, ir.DoubleType())
    one = builder.insert_element(ir.Constant(vector_type(), ir.Undefined), wide, place(0))
    return builder.shuffle_vector(one, one, _places([0] * VECTOR_DOUBLES))


def shift_pair(builder: Any, first: Any, second: Any, by: int) -> Any:
    """Return elements `by` to ``by + 7`` of the sixteen elements of two vectors."""
    return builder.shuffle_vector(first, second, _places(range(by, by + VECTOR_DOUBLES)))


def _places(lanes: Any) -> Any:

    place = ir.IntType(32)
    return ir.Constant(ir.VectorType(place, VECTOR_DOUBLES), [place(lane) for lane in lanes])


def multiply_add(builder: Any, total: Any, one: Any, other: Any) -> Any:
    """Return ``total + one * other``, with one rounding if the processor has a fused multiply-add."""
    return builder.fadd(total, builder.fmul(one, other, flags=("contract",)), flags=("contract",))


def prefetch(builder: Any, start: Any, index: Any) -> Any:
    """Prefetch the cache line of element `index`, which may lie beyond the array."""
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    to_read, to_keep, data = word(0), word(3), word(1)
    builder.call(function, [builder.bitcast(builder.gep(start, [index]), byte), to_read, to_keep, data])
