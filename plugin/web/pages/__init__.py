"""The pages for people: what is going on now, the list of series, and one series."""
