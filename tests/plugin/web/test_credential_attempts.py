"""Guessing is slow, repeating a mistake is free, and nobody who is right is locked out."""

import pytest

from plugin.errors import RequestError
from plugin.web import credential_attempts
from plugin.web.credential_attempts import MAX_WRONG, REFILL_SECONDS, CredentialAttempts


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def try_wrong(attempts: CredentialAttempts, count: int, address: str = "10.0.0.1") -> int:
    """How many of so many different guesses are judged."""
    judged = 0
    for number in range(count):
        guess = f"Bearer {address} {number}"
        try:
            attempts.check(address, guess)
        except RequestError as error:
            assert error.status == 429 and 0 < error.retry_after <= MAX_WRONG * REFILL_SECONDS
            continue
        judged += attempts.remember(address, guess, right=False)
    return judged


def test_guesses_are_judged_at_a_slow_rate() -> None:
    clock = Seconds()
    attempts = CredentialAttempts(clock)
    assert try_wrong(attempts, 1000) == MAX_WRONG
    clock.now += 2 * REFILL_SECONDS
    with pytest.raises(RequestError, match=r"too many wrong credentials: try again in \d+ s"):
        for number in range(3):
            attempts.check("10.0.0.1", f"Bearer later {number}")
            attempts.remember("10.0.0.1", f"Bearer later {number}", right=False)
    assert number == 2
    attempts.check("10.0.0.2", "Bearer of someone else")


def test_who_was_right_before_goes_on_and_the_same_mistake_costs_nothing() -> None:
    attempts = CredentialAttempts(Seconds())
    attempts.remember("10.0.0.1", "Bearer right", right=True)
    for _ in range(100):
        attempts.check("10.0.0.1", "Bearer old")
        attempts.remember("10.0.0.1", "Bearer old", right=False)
    assert try_wrong(attempts, 100) == MAX_WRONG - 1
    attempts.check("10.0.0.1", "Bearer right")
    attempts.check("10.0.0.1", "Bearer old")


def test_a_host_of_ipv6_has_one_allowance_for_all_of_its_addresses() -> None:
    attempts = CredentialAttempts(Seconds())
    judged = sum(try_wrong(attempts, 1, f"2001:db8:1:2::{number:x}") for number in range(1, 50))
    assert judged == MAX_WRONG
    assert try_wrong(attempts, 1, "2001:db8:1:3::1") == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_attempts, "MAX_ADDRESSES", 50)
    monkeypatch.setattr(credential_attempts, "MAX_JUDGED", 70)
    attempts = CredentialAttempts(Seconds())
    for number in range(200):
        try_wrong(attempts, 1, f"10.0.1.{number}")
    assert len(attempts._full_at) == 50 and len(attempts._judged) == 70
