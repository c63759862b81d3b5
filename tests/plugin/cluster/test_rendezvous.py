"""Who does what: everything is done by someone, fairly, and little moves."""

import random
import subprocess
import sys

import pytest

from plugin.cluster.rendezvous import assign, unit_hash


def loads(sizes: dict[str, int], process_of: dict[str, str]) -> dict[str, int]:
    found = dict.fromkeys(process_of.values(), 0)
    for work, process in process_of.items():
        found[process] += sizes[work]
    return found


def watches(count: int, seed: int) -> dict[str, int]:
    """A few large ones, many small ones, in powers of two."""
    source = random.Random(seed)
    return {f"watch-{seed}-{i}": 2 ** min(14, int(source.expovariate(0.25))) for i in range(count)}


def processes(count: int) -> dict[str, float]:
    return {f"worker-{i}": 1.0 for i in range(count)}


def test_without_processes_nothing_is_done() -> None:
    assert assign({"cpu": 1}, {}, {}) == {}


def test_all_work_has_one_process_that_lives() -> None:
    sizes = watches(50, 1)
    found = assign(sizes, {"watch-1-0": "dead"}, processes(3))
    assert found.keys() == sizes.keys() and set(found.values()) == processes(3).keys()


def test_every_process_comes_to_the_same_answer() -> None:
    program = (
        "from plugin.cluster.rendezvous import assign;"
        "print(sorted(assign({f'w{i}': i for i in range(20)}, {}, {'a': 1.0, 'b': 2.0}).items()))"
    )
    answers = {subprocess.check_output([sys.executable, "-c", program]) for _ in range(2)}
    assert len(answers) == 1
    assert unit_hash("cpu", "worker-1") == pytest.approx(0.41842260164842365)


def test_what_is_balanced_stays() -> None:
    sizes = watches(40, 2)
    once = assign(sizes, {}, processes(4))
    twice = assign(sizes, once, processes(4))
    assert assign(sizes, twice, processes(4)) == twice


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(6))
def test_one_more_process_moves_its_share_only(count: int, seed: int) -> None:
    sizes = watches(60, seed)
    before = assign(sizes, {}, processes(count))
    after = assign(sizes, before, processes(count + 1))
    moved = sum(size for work, size in sizes.items() if before[work] != after[work])
    assert moved <= 1.3 / (count + 1) * sum(sizes.values())
    new = f"worker-{count}"
    assert new in after.values()


def test_one_more_process_takes_a_third_of_alike_work() -> None:
    sizes = {f"w{i}": 1 for i in range(300)}
    before = assign(sizes, {}, processes(2))
    after = assign(sizes, before, processes(3))
    assert set(loads(sizes, after).values()) <= set(range(90, 106))
    assert {after[work] for work in sizes if before[work] != after[work]} == {"worker-2"}


def test_one_process_less_moves_only_its_work() -> None:
    sizes = {f"w{i}": 1 for i in range(300)}
    before = assign(sizes, {}, processes(3))
    after = assign(sizes, before, processes(2))
    assert all(
        after[work] == process for work, process in before.items() if process in after.values()
    )
    assert set(loads(sizes, after).values()) == {150}


def test_more_capacity_does_more() -> None:
    sizes = {f"w{i}": 1 for i in range(300)}
    found = loads(sizes, assign(sizes, {}, {"large": 2.0, "small": 1.0}))
    assert found == {"large": 200, "small": 100}


def test_the_largest_watch_moves_nobody() -> None:
    """It is more than a share: where it is, the others go elsewhere."""
    sizes = {"huge": 1000, **{f"w{i}": 10 for i in range(10)}}
    before = dict.fromkeys(sizes, "worker-0")
    after = assign(sizes, before, processes(2))
    assert after["huge"] == "worker-0"
    assert loads(sizes, after) == {"worker-0": 1000, "worker-1": 100}


def test_a_new_process_is_not_idle_where_large_watches_hide_what_others_have() -> None:
    sizes = {"huge": 1000, **{f"w{i}": 10 for i in range(10)}}
    before = {name: "worker-0" if name == "huge" else "worker-1" for name in sizes}
    after = assign(sizes, before, processes(3))
    assert loads(sizes, after)["worker-2"] in (40, 50)


def test_a_small_difference_moves_nothing() -> None:
    sizes = {f"w{i}": 1 for i in range(20)}
    before = {f"w{i}": f"worker-{int(i < 11)}" for i in range(20)}
    assert assign(sizes, before, processes(2)) == before
