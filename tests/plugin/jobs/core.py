"""A core whose work and time tests set."""


class Time:
    """Stands for the module `time`: a core that works for `cost` seconds in each run."""

    def __init__(self, cost: float) -> None:
        self.cost = cost
        self.now = 1000.0
        self.worked = 0.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        self.worked += self.cost
        return self.worked
