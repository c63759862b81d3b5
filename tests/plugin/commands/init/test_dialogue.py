"""What a person answers to "Keep which?"."""

import pytest

from plugin.commands.init.dialogue import chosen_numbers


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("", {1, 2, 3, 4, 5}),
        ("all", {1, 2, 3, 4, 5}),
        ("none", set()),
        ("2", {2}),
        ("1-3, 5", {1, 2, 3, 5}),
        ("-2", {1, 3, 4, 5}),
        ("-2-4", {1, 5}),
        ("1-4 -2", {1, 3, 4}),
    ],
)
def test_an_answer_keeps_numbers(answer: str, numbers: set[int]) -> None:
    assert chosen_numbers(answer, 5) == numbers


@pytest.mark.parametrize("answer", ["6", "0", "3-1", "cpu", "1-", "none 2"])
def test_another_answer_is_refused(answer: str) -> None:
    with pytest.raises(ValueError, match="valid is 1 to 5, 2-5, -3, all or none"):
        chosen_numbers(answer, 5)
