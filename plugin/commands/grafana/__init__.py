"""`bandwatch grafana check`: whether a Grafana has all that we ship, and whether each query gets
what it needs."""
