"""Dashboards and alerts as code: what Prometheus and Grafana need to show prompt caching and to watch over it."""
