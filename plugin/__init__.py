"""The Bandwatch service: Prometheus in, anomaly bands and scores out."""
