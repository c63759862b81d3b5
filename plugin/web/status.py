"""What runs: configuration, versions, and the description of this interface."""

import platform
from collections.abc import Callable, Mapping

from flask import Response

from plugin.version import VERSION
from plugin.web import openapi
from plugin.web.context import WebContext
from plugin.web.data_source import json
from plugin.web.parameters import QueryParameters


class StatusViews:
    """The views under /api/v1/status, and openapi.json."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._description = openapi.document(context.settings)

    @property
    def views(self) -> Mapping[str, Callable[[QueryParameters], Response]]:
        return {"config": self.config, "buildinfo": self.buildinfo, "openapi": self.openapi}

    def config(self, _: QueryParameters) -> Response:
        return json({"yaml": self._context.config_text()})

    def buildinfo(self, _: QueryParameters) -> Response:
        return json({"version": VERSION, "python": platform.python_version()})

    def openapi(self, _: QueryParameters) -> Response:
        return json(self._description)
