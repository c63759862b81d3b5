"""`check` says when a watch is too large for one worker."""

from plugin.commands.check.tick_time import tick_findings


def test_a_watch_with_room_needs_no_shards() -> None:
    assert not list(tick_findings(1_000, 1))
    assert not list(tick_findings(100_000, 60))


def test_a_tick_of_more_than_half_a_step_is_told() -> None:
    [(heading, text)] = tick_findings(100_000, 10)
    assert heading == "warning"
    assert text.startswith("a tick of 100,000 series takes about 6s of a core") and "shards" in text


def test_an_answer_near_the_limit_is_told() -> None:
    [(_, text)] = tick_findings(140_000, 60)
    assert text.startswith("an answer of 140,000 series is about 33 MiB, and more than 64 MiB")
