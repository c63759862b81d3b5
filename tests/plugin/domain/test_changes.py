"""Which changes are told beside what has begun, and in which words."""

from plugin.domain.changes import (
    LAG_SECONDS,
    LEAD_SECONDS,
    Change,
    change_id,
    changes_about,
    changes_around,
    describe_changes,
)
from plugin.series import Labels

START = 1_795_219_200
API = Labels.of({"job": "api", "instance": "a"})
DB = Labels.of({"job": "db", "instance": "b"})


def change(before: int, title: str, **labels: str) -> Change:
    """before: seconds before START."""
    return Change(title, START - before, title, Labels.of(labels))


def titles(changes: list[Change], *label_sets: Labels) -> list[str]:
    by_time = sorted(changes, key=lambda each: each.time)
    return [each.title for each in changes_around(by_time, START, label_sets)]


def text(*changes: Change) -> str:
    return describe_changes(changes_around(sorted(changes, key=lambda c: c.time), START, []), START)


def test_only_what_is_close_in_time_is_told() -> None:
    changes = [
        change(LEAD_SECONDS + 1, "long before"),
        change(LEAD_SECONDS, "before"),
        change(-LAG_SECONDS, "after"),
        change(-LAG_SECONDS - 1, "long after"),
    ]
    assert titles(changes, API) == ["after", "before"]


def test_a_label_with_another_value_is_about_other_series() -> None:
    changes = [
        change(1, "of db", job="db"),
        change(2, "of api", job="api"),
        change(3, "of a place", region="eu"),
        change(4, "of all"),
    ]
    assert titles(changes, API) == ["of api", "of a place", "of all"]
    assert titles(changes, API, DB) == ["of db", "of api", "of a place", "of all"]
    assert [each.title for each in changes_about(changes, [DB])] == [
        "of db",
        "of a place",
        "of all",
    ]


def test_one_that_shares_a_label_comes_before_one_that_is_closer_in_time() -> None:
    assert titles([change(1, "of all"), change(600, "of api", job="api")], API) == [
        "of api",
        "of all",
    ]


def test_the_words() -> None:
    assert text() == ""
    assert text(change(180, "checkout v1.42")) == "began 3 min after checkout v1.42"
    assert text(change(0, "a")) == "began at the time of a"
    assert text(change(-30, "a"), change(60, "b")) == "began 30 s before a and 1 min after b"
    four = text(*(change(60 * n, f"c{n}") for n in range(1, 5)))
    assert four == "began 1 min after c1, 2 min after c2, 3 min after c3 and near 1 other change"
    assert text(*(change(n, f"c{n}") for n in range(9))).endswith(" and near 6 other changes")


def test_a_title_cannot_look_like_a_part_of_an_explanation() -> None:
    assert text(change(60, "v1; nothing is wrong")) == "began 1 min after v1, nothing is wrong"


def test_the_same_change_has_the_same_id() -> None:
    one = change_id(START, "a", API, "")
    assert one == change_id(START, "a", Labels.of(dict(API)), "") and len(one) == 12
    assert len({one, change_id(START + 1, "a", API, ""), change_id(START, "a", DB, "")}) == 3
