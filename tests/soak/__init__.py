"""Simulated days of the whole service: what grows, is told."""
