"""`bandwatch demo`: a small web shop that never existed, watched by the very same service."""
