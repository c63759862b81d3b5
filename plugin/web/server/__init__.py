"""The server for the application: one thread holds all connections, others answer requests."""

from plugin.web.server.listening import Server, serve

__all__ = ["Server", "serve"]
