"""The files that a chart loads: the library and our own script and style, both scripts minified.

An address with the hash of its file may be kept for a year: another file has another address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from flask import Response, request

from plugin.web.queries import NoQuery
from plugin.web.responses import View

WEB = Path(__file__).parents[1]
HASH_DIGITS = 12
KEEP_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class ChartAsset:
    """One file."""

    path: Path
    media: str


SCRIPT = "text/javascript"
STYLE = "text/css"
# by the last part of the address
ASSETS = {
    "uplot.js": ChartAsset(WEB / "vendor" / "uplot" / "uPlot.core.min.js", SCRIPT),
    "uplot.css": ChartAsset(WEB / "vendor" / "uplot" / "uPlot.min.css", STYLE),
    "page_chart.js": ChartAsset(WEB / "templates" / "page_chart.min.js", SCRIPT),
    "page_chart.css": ChartAsset(WEB / "templates" / "page_chart.css", STYLE),
}


def asset_addresses() -> Mapping[str, str]:
    """Name -> its address from `/`, with the hash of the file."""
    return {name: f"{name}?v={_file(name)[1]}" for name in ASSETS}


def asset_views() -> dict[str, View]:
    """By the name of the route."""
    return {view_name(name): partial(_answer, name) for name in ASSETS}


def view_name(name: str) -> str:
    """The name of the route of a file."""
    return name.replace(".", "_")


def _answer(name: str, _: NoQuery) -> Response:
    body, digest = _file(name)
    response = Response(body, mimetype=ASSETS[name].media)
    if request.args.get("v") == digest:
        response.headers["Cache-Control"] = KEEP_A_YEAR
    return response


@cache
def _file(name: str) -> tuple[bytes, str]:
    """The file and its hash."""
    body = ASSETS[name].path.read_bytes()
    return body, sha256(body).hexdigest()[:HASH_DIGITS]
