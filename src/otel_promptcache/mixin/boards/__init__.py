"""The dashboards: panels, and what they ask."""
