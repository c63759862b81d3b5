"""Planned work: windows from the configuration, from calendars, from the API, and from silences."""

from plugin.maintenance.maintenance import MaintenanceCalendar
from plugin.maintenance.matching import WindowMatching

__all__ = ["MaintenanceCalendar", "WindowMatching"]
