"""Kills of a service in the middle of its work, on top of all that goes wrong: what is lost?"""
