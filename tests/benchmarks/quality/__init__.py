"""`make bench-quality`: our detectors among their peers, on the same labelled data, in one
table."""
