"""The server for the application: one thread holds all connections, others answer requests."""

from plugin.web.server.listening import Server, listen, serve

__all__ = ["Server", "listen", "serve"]
