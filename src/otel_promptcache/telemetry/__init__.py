"""The only package besides `instrumentor` that imports OpenTelemetry."""
