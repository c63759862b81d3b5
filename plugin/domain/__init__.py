"""The rules of the service, apart from everything that stores, sends or schedules.

See README.md.
"""
