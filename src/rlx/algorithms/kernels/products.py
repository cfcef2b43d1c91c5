"""Matrix products whose every element is added up in the same order on every processor.

A BLAS chooses its code, and with it the order of its sums, by the processor it finds. Here each element of

    c_mn = Σ_k a_mk b_kn

is one chain of fused multiply-adds over k = 0, 1, …, K − 1, whatever the tile that it is computed in: so it does not depend on the
processor, nor on how many rows are multiplied at once. Tiles of ``rows × 8·vectors`` elements stay in registers while k runs
(Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", without its packing: the matrices here are small).
numba's own loops come to half of a BLAS's speed, so the tiles are written in LLVM's vectors: for the products that take most of the
time of training they need 0.8 to 1.0 of OpenBLAS's with AVX-512 (Zen 4; ``python -m benchmarks.products``).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped_helpers
from numba.extending import intrinsic

from rlx.launch import exact

helpers: Any = untyped_helpers
floats: Any = types.CPointer  # numba has no annotations
LANES = 8
_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _INTS, _BITS = (ir.VectorType(kind, LANES) for kind in (_FLOAT, _INT32, ir.IntType(1)))
_POINTER = _VECTOR.as_pointer()
_FMA = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR])
_LOAD = ir.FunctionType(_VECTOR, [_POINTER, _INT32, _BITS, _VECTOR])
_STORE = ir.FunctionType(ir.VoidType(), [_VECTOR, _POINTER, _INT32, _BITS])
_ZERO = ir.Constant(_VECTOR, [0.0] * LANES)
_ALIGNED = 4
"""Bytes that a float32 is aligned to; rows of eight need not be aligned to more."""


class _Tile:
    """Writes the code of one tile, whose last vector may have fewer columns than lanes."""

    def __init__(self, context: Any, builder: Any, vectors: int, columns: Any):
        self._context, self._builder, self._vectors = context, builder, vectors
        self._mask = None if columns is None else builder.icmp_signed("<", _numbers(), self.spread(columns, _INTS))

    def spread(self, number: Any, kind: Any) -> Any:
        """Return a vector with the same number in every lane."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = self._builder.insert_element(nothing, number, _INT32(0))
        return self._builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * LANES))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once."""
        function = helpers.get_or_insert_function(self._builder.module, _FMA, "llvm.fma.v8f32")
        return self._builder.call(function, [a, b, c])

    def load(self, row: Any, number: int) -> Any:
        """Return the ``number``-th vector of a row; lanes beyond its columns are 0."""
        place = self._place(row, number)
        if self._is_whole(number):
            return self._builder.load(place, align=_ALIGNED)
        function = helpers.get_or_insert_function(self._builder.module, _LOAD, "llvm.masked.load.v8f32.p0")
        return self._builder.call(function, [place, _INT32(_ALIGNED), self._mask, _ZERO])

    def store(self, values: Any, row: Any, number: int) -> None:
        """Write the ``number``-th vector of a row, as far as it has columns."""
        place = self._place(row, number)
        if self._is_whole(number):
            self._builder.store(values, place, align=_ALIGNED)
            return
        function = helpers.get_or_insert_function(self._builder.module, _STORE, "llvm.masked.store.v8f32.p0")
        self._builder.call(function, [values, place, _INT32(_ALIGNED), self._mask])

    def _is_whole(self, number: int) -> bool:
        return self._mask is None or number < self._vectors - 1

    def _place(self, row: Any, number: int) -> Any:
        return self._builder.bitcast(self._builder.gep(row, [_INT64(number * LANES)]), _POINTER)


def _numbers() -> Any:
    return ir.Constant(_INTS, list(range(LANES)))


def _tile(rows: int, vectors: int, *, whole: bool = True) -> Any:
    """Make the function that computes a tile of ``rows`` rows and ``8·vectors`` columns (fewer where it is not ``whole``).

    It takes where the tile's part of a begins, a's strides by row and by k, where b's and c's parts begin with their strides by row, K, and the columns of the last vector.
    """

    @intrinsic
    def tile(
        _: Any, a: Any, a_row: Any, a_k: Any, b: Any, b_row: Any, c: Any, c_row: Any, depth: Any, columns: Any
    ) -> Any:
        n = types.intp

        def code(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            a, a_row, a_k, b, b_row, c, c_row, depth, columns = arguments
            of = _Tile(context, builder, vectors, None if whole else builder.trunc(columns, _INT32))
            sums = [[helpers.alloca_once_value(builder, _ZERO) for _ in range(vectors)] for _ in range(rows)]
            with helpers.for_range(builder, depth, intp=_INT64) as loop:
                begin = builder.gep(b, [builder.mul(loop.index, b_row)])
                theirs = [of.load(begin, v) for v in range(vectors)]
                column = builder.mul(loop.index, a_k)
                for r in range(rows):
                    place = builder.gep(a, [builder.add(column, builder.mul(_INT64(r), a_row))])
                    mine = of.spread(builder.load(place, align=_ALIGNED), _VECTOR)
                    for v in range(vectors):
                        builder.store(of.fma(mine, theirs[v], builder.load(sums[r][v])), sums[r][v])
            for r in range(rows):
                row = builder.gep(c, [builder.mul(_INT64(r), c_row)])
                for v in range(vectors):
                    of.store(builder.load(sums[r][v]), row, v)
            return context.get_dummy_value()

        return types.void(a, n, n, b, n, c, n, n, n), code

    return tile


@intrinsic
def _at(_: Any, array: Any, offset: Any) -> Any:
    """Return where the ``offset``-th number of an array lies."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return floats(types.float32)(array, types.intp), code


_one_by_eight, _one_by_sixteen, _one_by_thirty_two = _tile(1, 1), _tile(1, 2), _tile(1, 4)
_four_by_sixteen, _eight_by_eight = _tile(4, 2), _tile(8, 1)
_one_by_few, _eight_by_few = _tile(1, 1, whole=False), _tile(8, 1, whole=False)


@exact
def multiply(a, b_KN, c_MN, turned):
    """Compute c := a b, or aᵀ b where a is ``turned`` (K × M), of float32 matrices that lie row by row without gaps."""
    depth, columns = b_KN.shape
    b, c, rows = b_KN, c_MN, c_MN.shape[0]
    a_row, a_k = (1, rows) if turned else (depth, 1)
    fours, eights = rows - rows % 4, rows - rows % 8
    wide, wider = columns - columns % 16, columns - columns % 16 - columns % 32 // 16 * 16
    for j in range(0, wide, 16):
        for i in range(0, fours, 4):
            _four_by_sixteen(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, 0
            )
    for i in range(fours, rows):
        for j in range(0, wider, 32):
            _one_by_thirty_two(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, 0
            )
        for j in range(wider, wide, 16):
            _one_by_sixteen(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, 0
            )
    j = wide
    if columns - j >= 8:
        for i in range(0, eights, 8):
            _eight_by_eight(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, 0
            )
        for i in range(eights, rows):
            _one_by_eight(_at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, 0)
        j += 8
    left = columns - j
    if left > 0:
        for i in range(0, eights, 8):
            _eight_by_few(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, left
            )
        for i in range(eights, rows):
            _one_by_few(
                _at(a, i * a_row), a_row, a_k, _at(b, j), columns, _at(c, i * columns + j), columns, depth, left
            )
