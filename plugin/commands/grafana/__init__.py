"""The acceptance test of a Grafana: is everything there that we ship, and does it get what it
needs?"""
