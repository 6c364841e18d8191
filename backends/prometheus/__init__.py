"""Reads GPU and host telemetry, pending alerts and failing scrapes from Prometheus, or what speaks its API."""
