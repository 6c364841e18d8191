"""Reads alerts and silences from one or several Alertmanagers, and makes, extends and ends silences."""
