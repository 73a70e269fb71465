"""Who answers, as data."""
