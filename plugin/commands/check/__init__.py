"""`bandwatch check`: tries each query on Prometheus and says what a fit would find."""
