"""`bandwatch report`: which series were noisy over some days, what was not scored, and why."""
