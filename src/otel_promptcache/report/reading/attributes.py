"""The span attributes that the report reads; nothing else of a call is kept."""

from __future__ import annotations

from otel_promptcache.telemetry import names

FINGERPRINT = names.FINGERPRINT.name
DIGEST = names.DIGEST.name
PREFIX_NAME = names.PREFIX_NAME.name
RESULT = names.RESULT.name
NET_SAVINGS = names.SAVINGS_AMOUNT.name
ABANDONED = names.ABANDONED.name
TIME_TO_FIRST_TOKEN = names.TIME_TO_FIRST_TOKEN.name

EXPECTED_TOKENS = names.EXPECTED_TOKENS.name
AVOIDABLE_TOKENS = names.AVOIDABLE_TOKENS.name
MISS_REASON = names.MISS_REASON.name
MISS_SOURCE = names.MISS_SOURCE.name
MISS_TOKENS = names.MISS_TOKENS.name
DIVERGENCE_PATH = names.DIVERGENCE_PATH.name
DIVERGENCE_TOKEN = names.DIVERGENCE_TOKEN.name
DIVERGENCE_KIND = names.DIVERGENCE_KIND.name
DIVERGENCE_PATHS = names.DIVERGENCE_PATHS.name
DIVERGENCE_KINDS = names.DIVERGENCE_KINDS.name
DIVERGENCE_TOKENS = names.DIVERGENCE_TOKENS.name
DIVERGENCE_OTHER_TEMPLATE = names.DIVERGENCE_OTHER_TEMPLATE.name
BREAKPOINT_PATH = names.BREAKPOINT_PATH.name
USAGE_ERROR = names.USAGE_ERROR.name
WRITE_TTL = names.WRITE_TTL.name
MISSED_SAVINGS = names.MISSED_SAVINGS_AMOUNT.name

# Only in the spool, for calls whose prompt the provider has processed. Hashes are meaningful only within the run.
RUN_START = "run.start"
"""A prompt's start and everything that partitions its cache, as a hash."""
RUN_LEADING = "run.leading"
"""The tools and the instructions, as a hash."""
RUN_PARTS = "run.parts"
"""The same regardless of the order of their parts."""
RUN_IS_CACHEABLE = "run.is_cacheable"
"""Whether they alone are long enough to be cached, by the rules of the model that answered."""
RUN_LIFETIME = "run.lifetime_seconds"
"""How long the prefix is surely kept, by the same rules and by what the request asks for."""
RUN_MAX_RATE = "run.max_requests_per_minute"
"""How many requests with the same start go to one machine in a minute, by the same rules."""
RUN_PROCESSED = "run.processed_seconds"
"""How long after the start of the call the provider had processed the prompt: at the first token of a stream."""
RUN_CALL_SITE = "run.call_site"
"""Where in the application the call was made: a file's name and a line. On this machine only, like all of these."""

READ = frozenset(
    {
        names.OPERATION_NAME, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.API_TYPE, names.REQUEST_STREAM,
        names.RESPONSE_FINISH_REASONS, names.ERROR_TYPE, names.USAGE_INPUT_TOKENS,
        names.USAGE_CACHE_READ_TOKENS, names.USAGE_CACHE_WRITE_TOKENS,
        FINGERPRINT, DIGEST, PREFIX_NAME, RESULT, NET_SAVINGS, ABANDONED, TIME_TO_FIRST_TOKEN,
        EXPECTED_TOKENS, AVOIDABLE_TOKENS, MISS_REASON, MISS_SOURCE, MISS_TOKENS,
        DIVERGENCE_PATH, DIVERGENCE_TOKEN, DIVERGENCE_KIND, DIVERGENCE_PATHS, DIVERGENCE_KINDS, DIVERGENCE_TOKENS,
        DIVERGENCE_OTHER_TEMPLATE, BREAKPOINT_PATH, WRITE_TTL, USAGE_ERROR, names.SERVER_ADDRESS, names.PROVIDER_NAME,
        RUN_START, RUN_LEADING, RUN_PARTS, RUN_IS_CACHEABLE, RUN_LIFETIME, RUN_MAX_RATE, RUN_PROCESSED,
        RUN_CALL_SITE, MISSED_SAVINGS,
    }
)  # fmt: skip
"""Names of all of them."""
