"""Instructions for strips: four adjacent rows of eight DTW matrices, a matrix in each lane of LLVM's vectors.

A strip is computed column by column. Its cells stay in registers; memory has the bottom row alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.jit.marks import Intrinsic, cgutils, ir, types

LANES = 8
STRIP = 4  # rows of a strip: sixteen registers of half a vector (AVX2) hold most of its cells


@Intrinsic
def is_alive(_context: Any, row: Any, _slot: Any, _limits: Any, _at: Any) -> Any:
    """Return 1 if ``row[slot]`` is within ``limits[at]`` in a lane, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cells, limits = (_Lanes(context, builder, signature, arguments, place) for place in (0, 2))
        alive = _any_within(builder, cells.load(arguments[1]), limits.load(arguments[3]))
        return builder.zext(alive, ir.IntType(64))

    return types.int64(row, types.int64, row, types.int64), generate


@Intrinsic
def advance_strip(
    _context: Any,
    x: Any,
    _y: Any,
    _row: Any,
    _limits: Any,
    _ends: Any,
    _strip: Any,
    _columns: Any,
    _band: Any,
) -> Any:
    """Replace the row above a strip by its last row; return the column before which the strip ends.

    Operands: the samples `x` and `y`; the `row` with column ``j`` in slot ``j + 1``; the `limits` of all
    strips; `ends`, which takes the last column of the four rows; the strip's number; the tuple `columns` of
    its first column, the end of the row above and the greatest possible end; and the tuple `band` of the
    radius and 1 for squared costs. Beyond the end of the row above, where only its own cells lead on, the
    strip goes as far as a cell is within the limit.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        end = cgutils.alloca_once(builder, ir.IntType(64))
        squares = builder.extract_value(arguments[7], 1)
        with builder.if_else(builder.icmp_signed("!=", squares, squares.type(0))) as (yes, no):
            for side, squared in ((yes, True), (no, False)):
                with side:
                    strip = _Strip(context, builder, signature, arguments, squared=squared)
                    builder.store(strip.advance(), end)
        return builder.load(end)

    number = types.int64
    return number(x, x, x, x, x, number, types.UniTuple(number, 3), types.UniTuple(number, 2)), generate


class _Lanes:
    """The vectors of an operand, an array (slots, LANES)."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any, place: int) -> None:
        kind = signature.args[place]
        array = context.make_array(kind)(context, builder, arguments[place])
        self.builder, self.vector = builder, ir.VectorType(context.get_value_type(kind.dtype), LANES)
        self.start = builder.bitcast(array.data, self.vector.as_pointer())
        self.itemsize = kind.dtype.bitwidth // 8

    def load(self, slot: Any) -> Any:
        return self.builder.load(self.builder.gep(self.start, [slot]), align=self.itemsize)

    def store(self, value: Any, slot: Any) -> None:
        self.builder.store(value, self.builder.gep(self.start, [slot]), align=self.itemsize)


class _Strip:
    """Writer of the code of a strip for one kind of cost."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any, *, squared: bool) -> None:
        lanes = [_Lanes(context, builder, signature, arguments, place) for place in range(5)]
        self.builder, self.number, self.squared = builder, ir.IntType(64), squared
        self.x, self.y, self.row, limits, self.ends = lanes
        self.i = builder.mul(arguments[5], self.number(STRIP))
        self.begin, self.middle, self.end = cgutils.unpack_tuple(builder, arguments[6])
        self.reach = builder.extract_value(arguments[7], 0)
        self.vector = self.x.vector
        self.infinite = ir.Constant(self.vector, [float("inf")] * LANES)
        self.samples = [self.x.load(builder.add(self.i, self.number(r))) for r in range(STRIP)]
        self.limit = limits.load(arguments[5])
        self.left = [self._variable(self.infinite) for _ in range(STRIP)]
        self.corner = self._variable(self.row.load(self.begin))  # the cell above, one column before

    def advance(self) -> Any:
        builder = self.builder
        banded = builder.sub(builder.add(self.i, self.number(STRIP - 1)), self.reach)
        banded = self._between(self.begin, banded, self.middle)  # before it the band cuts off lower rows
        with cgutils.for_range_slice(builder, self.begin, banded, self.number(1), self.number) as (j, _):
            self._column(j, self._above(j), self._inside)
        with cgutils.for_range_slice(builder, banded, self.middle, self.number(1), self.number) as (j, _):
            self._column(j, self._above(j), None)
        end = self._extend()
        for r, cell in enumerate(self.left):
            self.ends.store(builder.load(cell), self.number(r))
        return end

    def _extend(self) -> Any:
        """Go on while a cell of the last column is within the limit; return the column after it."""
        builder = self.builder
        blocks = [builder.append_basic_block(f"extend.{name}") for name in ("look", "column", "next", "done")]
        look, column, following, done = blocks
        place = cgutils.alloca_once_value(builder, self.middle)
        builder.branch(look)
        builder.position_at_end(look)
        j = builder.load(place)
        builder.cbranch(builder.icmp_signed("<", j, self.end), column, done)
        builder.position_at_end(column)
        least = self._column(j, self.infinite, self._inside)
        builder.cbranch(_any_within(builder, least, self.limit), following, done)
        builder.position_at_end(following)
        builder.store(builder.add(j, self.number(1)), place)
        builder.branch(look)
        builder.position_at_end(done)
        return builder.load(place)

    def _column(self, j: Any, above: Any, inside: Callable[[Any, int], Any] | None) -> Any:
        """Compute the cells of column `j`, outside the band infinity; return the least cell."""
        builder, sample, least = self.builder, self.y.load(j), self.infinite
        corner, up = builder.load(self.corner), above
        builder.store(above, self.corner)
        for r, place in enumerate(self.left):
            left = builder.load(place)
            best = _least(builder, _least(builder, corner, left), up)
            up, corner = builder.fadd(self._cost(self.samples[r], sample), best), left
            if inside:
                up = builder.select(inside(j, r), up, self.infinite)
            builder.store(up, place)
            least = _least(builder, least, up)
        self.row.store(up, builder.add(j, self.number(1)))
        return least

    def _above(self, j: Any) -> Any:
        return self.row.load(self.builder.add(j, self.number(1)))

    def _cost(self, one: Any, other: Any) -> Any:
        difference = self.builder.fsub(one, other)
        if self.squared:
            return self.builder.fmul(difference, difference)
        name = f"llvm.fabs.v{LANES}{self.vector.element.intrinsic_name}"
        module, kind = self.builder.module, ir.FunctionType(self.vector, [self.vector])
        return self.builder.call(module.globals.get(name) or ir.Function(module, kind, name), [difference])

    def _inside(self, j: Any, r: int) -> Any:
        """Return whether column `j` of row ``i + r`` lies in the band."""
        builder = self.builder
        apart = builder.sub(j, builder.add(self.i, self.number(r)))
        within = builder.icmp_signed("<=", apart, self.reach)
        return builder.and_(within, builder.icmp_signed(">=", apart, builder.neg(self.reach)))

    def _between(self, low: Any, value: Any, high: Any) -> Any:
        builder = self.builder
        value = builder.select(builder.icmp_signed("<", value, low), low, value)
        return builder.select(builder.icmp_signed("<", value, high), value, high)

    def _variable(self, value: Any) -> Any:
        return cgutils.alloca_once_value(self.builder, value)


def _least(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", one, other), one, other)


def _any_within(builder: Any, cells: Any, limits: Any) -> Any:
    lanes = builder.bitcast(builder.fcmp_ordered("<=", cells, limits), ir.IntType(LANES))
    return builder.icmp_unsigned("!=", lanes, lanes.type(0))


@compiled
def write_distances(
    x: Array, y: Array, samples: int, reach: int, squared: int, limits: Array, row: Array, ends: Array
) -> int:
    """Write the distances of eight pairs as the first row of `ends`; return 0 if all are above the limits."""
    strips, columns = len(x) // STRIP, len(y)
    begin, end = 0, 0
    row[0] = 0
    for strip in range(strips):
        i = strip * STRIP
        begin = max(begin, i - reach)
        if begin > end:
            return 0
        edges = begin, end, min(columns, i + STRIP + reach)
        end = advance_strip(x, y, row, limits, ends, strip, edges, (reach, squared))
        if strip < strips - 1:
            while begin < end and not is_alive(row, begin + 1, limits, strip):
                begin += 1
            while end > begin and not is_alive(row, end, limits, strip):
                end -= 1
            if begin == end:
                return 0
            row[begin] = np.inf
    if end < columns:
        return 0
    last = (samples - 1) % STRIP
    for lane in range(LANES):
        ends[0, lane] = ends[last, lane]
    return 1
