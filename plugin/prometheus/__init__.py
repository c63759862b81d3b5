"""The only part of the service that speaks HTTP to Prometheus."""

from plugin.prometheus.reader import Answer, PrometheusReader

__all__ = ["Answer", "PrometheusReader"]
