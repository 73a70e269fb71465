"""Writes spans and metrics: of what observes an application, only this and `instrumentor` import OpenTelemetry."""
