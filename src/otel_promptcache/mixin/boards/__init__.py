"""The dashboards: panels and their queries."""
