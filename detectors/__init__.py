"""Anomaly detectors over arrays: numpy, torch and safetensors only; see README.md for the
boundary."""
