"""The web. Its requests read the store and the board; none calls Prometheus.

application.py has the application, server/ what serves it. Nothing is imported here: the server
listens before the application is there, which takes a second to load.
"""
