"""What a picture shows of one series."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """What is shown of one series: hours since the judged days began."""

    name: str
    title: str
    begin: float
    end: float
    incident: tuple[float, float] | None = None
