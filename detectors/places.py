"""Where in a block a sample is computed: always at the place that its time determines.

A product of matrices may round a row by its place among the rows and by how many there are, and
vector code may round the last elements of an array unlike those before them. Which of it happens
depends on the machine. But the same samples must give the same numbers, bit for bit, in one go and
in pieces. So a network computes in blocks of one size (`layers.ROWS`) that lie on the grid of time,
blank where a batch begins or ends within a block.

What is computed of a whole batch at once is either sums, products and roots, which have only one
way to round, or a function of numpy, which rounds every element alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Some columns of a batch, and where they lie in a block."""

    columns: slice  # of the batch
    places: slice  # of the block, as many


def blanks(first: int, steps: int, size: int) -> tuple[int, int]:
    """How many blanks before and after `steps` columns make whole blocks of them, at least one.

    first: number of the first column, counted on the grid of time.
    """
    left = first % size
    return left, max(1, -(-(left + steps) // size)) * size - left - steps


def blocks(first: int, steps: int, size: int) -> Iterator[Block]:
    """The blocks of so many columns, in their order; none where there is no column."""
    for start in range(-(first % size), steps, size) if steps else ():
        columns = slice(max(start, 0), min(start + size, steps))
        yield Block(columns, slice(columns.start - start, columns.stop - start))
