"""How right the verdicts are where many processes share one provider's cache."""
