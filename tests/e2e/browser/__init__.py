"""The pages in a real Chromium, before a service with a week of a small shop in its store."""
