"""The configuration: one strict YAML file, read into frozen, typed values."""

from plugin.config.durations import format_budget, format_duration, parse_budget, parse_duration
from plugin.config.locations import is_loopback, split_address
from plugin.config.model import (
    AlertmanagerSettings,
    BasicAuth,
    Calendar,
    Config,
    Endpoint,
    ExecutorSettings,
    MaintenanceSettings,
    MaintenanceWindow,
    PrometheusSettings,
    RemoteWriteSettings,
    StoreSettings,
    User,
    Watch,
    WebSettings,
    WorkerSettings,
)
from plugin.config.reading import listening_on, load, parse
from plugin.config.web_settings import TlsServerSettings
from plugin.config.writing import example, masked, watch_settings

__all__ = [
    "AlertmanagerSettings",
    "BasicAuth",
    "Calendar",
    "Config",
    "Endpoint",
    "ExecutorSettings",
    "MaintenanceSettings",
    "MaintenanceWindow",
    "PrometheusSettings",
    "RemoteWriteSettings",
    "StoreSettings",
    "TlsServerSettings",
    "User",
    "Watch",
    "WebSettings",
    "WorkerSettings",
    "example",
    "format_budget",
    "format_duration",
    "is_loopback",
    "listening_on",
    "load",
    "masked",
    "parse",
    "parse_budget",
    "parse_duration",
    "split_address",
    "watch_settings",
]
