"""The page for feedback on an alarm, as HTML: no script, nothing from elsewhere. The template
escapes every value."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from flask import Response, render_template

from plugin.domain.band_drawing import HEIGHT, WIDTH, Drawing

STYLE_PATH = Path(__file__).parent / "templates" / "feedback.css"


@dataclass(frozen=True)
class Content:
    """What one page shows."""

    title: str
    lines: Sequence[str]
    about: str = ""  # where and when, above the title
    series: Sequence[str] = ()  # its name, in parts between which a line may break
    drawing: Drawing | None = None
    link: Mapping[str, str] = field(default_factory=dict)  # what the address of the forms holds
    answers: Sequence[tuple[int, str]] = ()  # feedback that can be taken back: number and words
    wider: Sequence[str] = ()  # feedback that is about more than this page, in words
    asks: bool = False  # whether feedback can be given
    nameless: bool = False  # whether the name of the reader is not known


def html(content: Content, status: int = 200) -> Response:
    body = render_template(
        "feedback.html",
        page=content,
        address=f"feedback?{urlencode(content.link)}",
        width=WIDTH,
        height=HEIGHT,
        style=_style(),
    )
    return Response(body, status, _headers(), mimetype="text/html")


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + "."


@cache
def _style() -> str:
    return STYLE_PATH.read_text(encoding="utf-8")


@cache
def _headers() -> Mapping[str, str]:
    """The browser may use our own style and send forms to us, and nothing else."""
    digest = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        # The link is a secret. To ourselves a browser must say where a form comes from: with
        # `no-referrer` its Origin would be `null`.
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
