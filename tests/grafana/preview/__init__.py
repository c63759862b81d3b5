"""`make grafana-preview`: the time series panels of the shipped dashboards, drawn by Grafana's own
chart component."""
