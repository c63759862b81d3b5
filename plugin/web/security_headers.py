"""What every answer tells browsers: to load nothing for it, and to show it in no frame."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the server answers errors before Flask is loaded
    from flask import Response

# An answer that is a page has a Content-Security-Policy of its own.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def add_security_headers(response: "Response") -> None:
    """Adds those that the view has not set itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
