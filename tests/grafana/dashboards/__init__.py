"""The dashboards of grafana/dashboards, made by `make dashboards` and committed.

Panels come from the builders of Grafana's foundation SDK, which know every option by name;
variables, annotations and links are written out, because the SDK adds defaults there that Grafana
11.6 does not know.
"""
