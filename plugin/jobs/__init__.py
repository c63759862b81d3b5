"""The scheduled jobs: scoring, fitting, forecasts, the noise budget, remote write, housekeeping."""
