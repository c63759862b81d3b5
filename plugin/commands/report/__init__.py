"""What was noisy, what was not seen and why: a report over some days, for a person, from the API of
a service."""
