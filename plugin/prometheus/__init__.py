"""The only part of the service that speaks HTTP to Prometheus."""

from plugin.prometheus.query_result import QueryGap, QueryResult
from plugin.prometheus.reader import PrometheusReader

__all__ = ["PrometheusReader", "QueryGap", "QueryResult"]
