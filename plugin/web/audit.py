"""One line of the log for each change that a request has made: who, what, from where.

No line holds a credential, a signature or the text of a body.
"""

import logging

from flask import g, request

from plugin.web.route import Access, Route

log = logging.getLogger(__name__)

READING = ("GET", "HEAD")


def note(**about: object) -> None:
    """Says what the change of this request is about; its view calls it."""
    g.change = about


def record(route: Route, status: int) -> None:
    """Writes the line of a request that has changed something."""
    changes = route.access in (Access.CHANGE, Access.LINK) and request.method not in READING
    if not changes or status >= 400:
        return
    by_link = route.access is Access.LINK and not g.get("by")
    log.info(
        "changed",
        extra={
            "change": route.name,
            "sender": "link" if by_link else g.get("by") or "anyone",
            "address": request.remote_addr or "",
            **g.get("change", {}),
        },
    )


def record_session(message: str, sender: str = "") -> None:
    """Writes the line of a browser that has signed in or out. sender: if it is not known yet."""
    extra = {"sender": sender or g.get("by") or "anyone", "address": request.remote_addr or ""}
    log.info(message, extra=extra)
