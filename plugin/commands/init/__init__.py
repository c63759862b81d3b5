"""`bandwatch init`: from the metrics of a Prometheus to a file of watches."""
