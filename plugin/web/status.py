"""The configuration that runs, versions, and the description of the API."""

import platform
from collections.abc import Mapping
from functools import cached_property
from typing import Any

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

    @cached_property
    def _description(self) -> dict[str, Any]:
        """Made when it is asked for first: few ever do, and it takes a third of a start."""
        return openapi.document(self._context.settings)
