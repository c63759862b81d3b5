"""How many different credentials one address may try: guessing is slow, and repeating a mistake
costs nothing.

Credentials that were judged before are judged again without a limit, because that tells a guesser
nothing new. So a dashboard with an old token, or a colleague behind the same proxy, locks nobody
out.
"""

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from plugin.errors import RequestError

MAX_WRONG = 10  # different credentials that an address may be wrong about at once
REFILL_SECONDS = 6.0  # after which it may be wrong once more
MAX_ADDRESSES = 10_000  # that are remembered; the one that was wrong first is forgotten first
MAX_JUDGED = 10_000  # credentials that are remembered, as digests; the least used go first
NETWORK_BITS = 64  # of an IPv6 address: one host has the rest to itself

Judged = tuple[str, bytes]  # address, digest of an Authorization header


class CredentialAttempts:
    """Counts wrong credentials by address; safe in any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._judged: OrderedDict[Judged, None] = OrderedDict()
        # When an address will have its whole allowance again, by the clock.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str, authorization: str) -> None:
        """Raises RequestError 429 while the address has been wrong too often to try these."""
        with self._lock:
            judged = _judged(address, authorization)
            if judged in self._judged:
                self._judged.move_to_end(judged)
                return
            owed = self._full_at.get(_network(address), 0.0) - self._clock()
            wait = owed - (MAX_WRONG - 1) * REFILL_SECONDS
        if wait > 0:
            raise RequestError(
                f"this address has sent too many wrong credentials: try again in"
                f" {math.ceil(wait)} s",
                status=429,
                code="too_many_attempts",
                retry_after=math.ceil(wait),
            )

    def remember(self, address: str, authorization: str, *, right: bool) -> bool:
        """Keeps how credentials were judged. Returns whether they are new for this address."""
        judged = _judged(address, authorization)
        with self._lock:
            if judged in self._judged:
                return False
            self._judged[judged] = None
            if len(self._judged) > MAX_JUDGED:
                self._judged.popitem(last=False)
            if not right:
                network = _network(address)
                now = self._clock()
                self._full_at[network] = max(now, self._full_at.get(network, now)) + REFILL_SECONDS
                if len(self._full_at) > MAX_ADDRESSES:
                    self._full_at.popitem(last=False)
            return True


def _judged(address: str, authorization: str) -> Judged:
    return address, hashlib.sha256(authorization.encode(errors="surrogatepass")).digest()


def _network(address: str) -> str:
    """The address, or of an IPv6 one the network, which is one customer."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> (128 - NETWORK_BITS))
    return address
