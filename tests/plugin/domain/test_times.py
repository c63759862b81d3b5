"""Durations in words."""

import pytest

from plugin.domain.times import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (720, "12 min"),
        (90, "1 min 30 s"),
        (3900, "1 h 5 min"),
        (3605, "1 h"),
        (90_000, "1 d 1 h"),
        (86_400, "1 d"),
    ],
)
def test_durations_have_two_parts_at_most(seconds: int, words: str) -> None:
    assert duration(seconds) == words
