"""The configuration that runs, versions, and the description of the API."""

import platform
from collections.abc import Mapping

from flask import Response

from plugin.version import VERSION
from plugin.web import openapi
from plugin.web.answer_types import BuildInfo, ConfigText, Identity
from plugin.web.context import WebContext
from plugin.web.queries import NoQuery
from plugin.web.responses import View, json_response


class StatusViews:
    """The views under /api/v1/status, and openapi.json."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._description = openapi.document(context.settings)

    @property
    def views(self) -> Mapping[str, View]:
        return {
            "config": self.config,
            "buildinfo": self.buildinfo,
            "identity": self.identity,
            "openapi": self.openapi,
        }

    def config(self, _: NoQuery) -> Response:
        return json_response(ConfigText(self._context.config_text()))

    def buildinfo(self, _: NoQuery) -> Response:
        return json_response(BuildInfo(VERSION, platform.python_version()))

    def identity(self, _: NoQuery) -> Response:
        """Grafana's health check asks it: other servers have a buildinfo, too."""
        return json_response(Identity("bandwatch", VERSION))

    def openapi(self, _: NoQuery) -> Response:
        return json_response(self._description)
