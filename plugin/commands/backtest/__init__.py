"""Backtests: what the service would have said, had it run in the past."""
