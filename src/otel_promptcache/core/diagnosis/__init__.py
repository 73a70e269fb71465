"""Why a prompt was not read from the cache: comparison, divergence, expectation, reasons."""
