"""Backtests: the alarms that the service would have raised in the past."""
