"""Dashboards and alerts as code: what Prometheus and Grafana need to show and monitor prompt caching."""
