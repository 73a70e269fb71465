"""Pure domain logic: standard library only, no I/O, no OpenTelemetry, no SDK; the clock is an argument."""
