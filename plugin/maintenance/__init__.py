"""Planned work: windows from the configuration, from calendars, from the API, and from silences."""

from plugin.maintenance.maintenance import Maintenance
from plugin.maintenance.matching import Matching

__all__ = ["Maintenance", "Matching"]
