"""Previews: the alarms and incidents of a configuration over the past, by the service's own code.

A service of its own lives through the past in a folder that is removed afterwards. Its clock is
set, and it reads what was there at each moment.
"""
