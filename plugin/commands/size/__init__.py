"""`bandwatch size`: what a number of series costs, before there is a service."""
