"""The only part of the service that speaks HTTP to Prometheus."""

from plugin.prometheus.reader import PrometheusReader, QueryResult

__all__ = ["QueryResult", "PrometheusReader"]
