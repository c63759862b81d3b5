"""Blocks on the grid of time; by hand."""

import pytest

from detectors.places import Block, blanks, blocks


def test_a_batch_is_cut_where_the_grid_is() -> None:
    assert list(blocks(first=6, steps=5, size=4)) == [
        Block(columns=slice(0, 2), places=slice(2, 4)),
        Block(columns=slice(2, 5), places=slice(0, 3)),
    ]
    assert list(blocks(first=6, steps=0, size=4)) == []


@pytest.mark.parametrize(
    ("first", "steps", "wanted"), [(6, 5, (2, 1)), (8, 4, (0, 0)), (8, 0, (0, 4))]
)
def test_blanks_make_whole_blocks(first: int, steps: int, wanted: tuple[int, int]) -> None:
    assert blanks(first, steps, 4) == wanted
