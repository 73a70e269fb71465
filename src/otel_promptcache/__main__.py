"""Makes `python -m otel_promptcache` the same as `otel-promptcache`."""

from otel_promptcache.cli import main

if __name__ == "__main__":
    main()
