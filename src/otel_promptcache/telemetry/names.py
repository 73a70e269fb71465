"""Every name that we emit, each defined once. Dashboards, alerts, documentation and tests depend on these.

`gen_ai.*`, `openai.*`, `server.*`, `error.*` and `code.*` are used exactly where OpenTelemetry's semantic
conventions define them. Everything coined here is `promptcache.*`, because the conventions advise against
coining names inside their namespaces.

Source: open-telemetry/semantic-conventions-genai, as emitted by opentelemetry-util-genai 1.3b0; openai
refinements from opentelemetry-semantic-conventions 0.66b2 (checked 2026-11-20).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SCOPE_NAME = "otel_promptcache"
"""The instrumentation scope of all our spans and metrics."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a span, and its meaning for the reader of the documentation."""

    name: str
    type: str
    meaning: str


class Instrument(Enum):
    """The kind of an instrument, as the documentation calls it."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, and its meaning for the reader of the documentation."""

    name: str
    instrument: Instrument
    unit: str
    attributes: str
    meaning: str
    buckets: tuple[float, ...] | None = None


# The conventions' names for requests.
OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
API_TYPE = "openai.api.type"
REQUEST_SERVICE_TIER = "openai.request.service_tier"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

# The conventions' names for responses.
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
RESPONSE_SERVICE_TIER = "openai.response.service_tier"
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
USAGE_CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
# The convention renamed `cache_creation` to `cache_write`; no released Python constant has it yet.
USAGE_CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
ERROR_TYPE = "error.type"
CODE_FUNCTION_NAME = "code.function.name"
FLEET_OUTCOME = "promptcache.fleet.outcome"
OTEL_METRIC_OVERFLOW = "otel.metric.overflow"

# Other instrumentations' names, to recognise their spans.
OPENINFERENCE_SPAN_KIND = "openinference.span.kind"

FINGERPRINT = Attribute(
    "promptcache.prefix.fingerprint", "string", "Identifies the prompt template; 16 hexadecimal digits"
)
DIGEST = Attribute(
    "promptcache.prefix.digest",
    "string",
    "Exact digest of the template's leading part: different digests under one fingerprint mean that it is not stable",
)
PREFIX_NAME = Attribute("promptcache.prefix.name", "string", 'The name given with `prefix("…")`, if any')
RESULT = Attribute(
    "promptcache.result",
    "string",
    "`hit`, `partial`, `miss`, `ineligible`, `unknown`, or `gateway_hit`: a gateway answered from its own cache",
)
HIT_RATIO = Attribute(
    "promptcache.hit_ratio", "double", "Cached share of the input tokens; only if both were reported"
)
SAVINGS_AMOUNT = Attribute(
    "promptcache.savings.amount",
    "double",
    "Net savings in USD: read discount minus write surcharge, so they may be negative; only if known",
)
EXPECTED_TOKENS = Attribute(
    "promptcache.expected_tokens",
    "int",
    "Tokens of this prompt that the provider could have read from its cache, judging by what this process, or the "
    "fleet (see `promptcache.history`), sent before",
)
AVOIDABLE_TOKENS = Attribute(
    "promptcache.avoidable_tokens",
    "int",
    "Tokens of content that was sent before and is repeated in this prompt, but after the divergence, where no prefix "
    "cache can match it",
)
MISS_REASON = Attribute("promptcache.miss.reason", "string", "Why less was read than could have been")
MISS_SOURCE = Attribute(
    "promptcache.miss.source",
    "string",
    "`provider` (the API's own diagnostics) or `client` (this package's comparison)",
)
HISTORY = Attribute(
    "promptcache.history",
    "string",
    "History that the call was judged by: that of this `process`, or that of the `fleet`",
)
MISS_TOKENS = Attribute(
    "promptcache.miss.tokens", "int", "Tokens that were processed again because of the miss; an estimate"
)
WRITE_TTL = Attribute(
    "promptcache.write.ttl",
    "string",
    "Lifetime of most of the written tokens, such as `5m` or `1h`; only if the provider reports writes by lifetime",
)
DIVERGENCE_PATH = Attribute(
    "promptcache.divergence.path",
    "string",
    "Where the prompt diverges from what was sent before, such as `instructions` or `tools[3].function.name`",
)
DIVERGENCE_TOKEN = Attribute(
    "promptcache.divergence.token", "int", "Estimated token offset of the divergence in the prompt"
)
DIVERGENCE_KIND = Attribute(
    "promptcache.divergence.kind",
    "string",
    "What changed at the divergence: `timestamp`, `uuid`, `number`, `reordered`, `added`, `removed`, `truncated` or "
    "`edited`",
)
DIVERGENCE_PATHS = Attribute(
    "promptcache.divergence.paths",
    "string[]",
    "All divergences up to the first 1,024 consecutive unchanged tokens, at most five; absent if there is only one",
)
DIVERGENCE_KINDS = Attribute(
    "promptcache.divergence.kinds", "string[]", "What changed at each of the `promptcache.divergence.paths`"
)
DIVERGENCE_TOKENS = Attribute(
    "promptcache.divergence.tokens",
    "int[]",
    "Estimated token offset of each of the `promptcache.divergence.paths`",
)
DIVERGENCE_OTHER_TEMPLATE = Attribute(
    "promptcache.divergence.other_template",
    "boolean",
    "True if the earlier prompt that has most of this prompt's content belongs to a different template",
)
BREAKPOINT_PATH = Attribute(
    "promptcache.breakpoint.path",
    "string",
    "Message at whose end a breakpoint would have made the shared prefix readable; only for "
    "`no_matching_breakpoint`, and only if the shared prefix ends at the end of a message",
)
USAGE_ERROR = Attribute(
    "promptcache.usage.error",
    "string",
    "Why the reported usage is impossible: `cache_exceeds_input` or `invalid_count`",
)
MISSED_SAVINGS_AMOUNT = Attribute(
    "promptcache.missed_savings.amount", "double", "Cost of the miss in USD; only if known"
)
GATEWAY_COST = Attribute(
    "promptcache.gateway.cost",
    "double",
    "Cost of the request in USD, as stated by a gateway; not included in any counter",
)
GATEWAY_SAVED = Attribute(
    "promptcache.gateway.saved",
    "double",
    "Savings in USD, as stated by a gateway; not included in any counter",
)
ABANDONED = Attribute(
    "promptcache.abandoned",
    "boolean",
    "True if the application stopped before the answer was complete: it cancelled the call, or closed or abandoned the "
    "stream. Not an error",
)
TIME_TO_FIRST_TOKEN = Attribute(
    "promptcache.time_to_first_token",
    "double",
    "Seconds from the attempt that was answered to the first content, refusal, tool-call or reasoning delta; "
    "streams only",
)
TOKEN_STATE = "promptcache.token.state"

SPAN_ATTRIBUTES = (
    FINGERPRINT, DIGEST, PREFIX_NAME, RESULT, HIT_RATIO, EXPECTED_TOKENS, AVOIDABLE_TOKENS, MISS_REASON,
    MISS_SOURCE, MISS_TOKENS, HISTORY, DIVERGENCE_PATH, DIVERGENCE_TOKEN, DIVERGENCE_KIND, DIVERGENCE_PATHS,
    DIVERGENCE_KINDS, DIVERGENCE_TOKENS, DIVERGENCE_OTHER_TEMPLATE, SAVINGS_AMOUNT, MISSED_SAVINGS_AMOUNT,
    BREAKPOINT_PATH, WRITE_TTL, GATEWAY_COST, GATEWAY_SAVED, USAGE_ERROR, ABANDONED, TIME_TO_FIRST_TOKEN,
)  # fmt: skip

OTHER = "other"
"""What a fingerprint or a name becomes in metrics once there are too many of them."""

_SECONDS_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))

REQUESTS = Metric(
    "promptcache.requests",
    Instrument.COUNTER,
    "{request}",
    "M, P, `promptcache.result`, `error.type`",
    "Inference requests",
)
TOKENS = Metric(
    "promptcache.tokens",
    Instrument.COUNTER,
    "{token}",
    "M, P, `promptcache.token.state`; `promptcache.write.ttl` of written tokens if their lifetime is reported",
    "Input tokens by state: `read`, `write`, `uncached`. The three add up to the reported input, and the "
    "hit ratio is read / all",
)
TIME_TO_FIRST_TOKEN_DISTRIBUTION = Metric(
    "promptcache.time_to_first_token",
    Instrument.HISTOGRAM,
    "s",
    "M, `promptcache.result`; P if exponential",
    "Time from the attempt that was answered to the first token of a stream; with explicit buckets by model only, as "
    "each bucket is a series",
    _SECONDS_BUCKETS,
)
SAVINGS = Metric(
    "promptcache.savings",
    Instrument.COUNTER,
    "{USD}",
    "M, P",
    "Gross read discount: how much more the tokens read from the cache would have cost as ordinary input",
)
WRITE_SURCHARGE = Metric(
    "promptcache.write_surcharge",
    Instrument.COUNTER,
    "{USD}",
    "M, P",
    "Surcharge for writing to the cache, compared with ordinary input. Net savings = savings - write_surcharge",
)
INPUT_COST = Metric(
    "promptcache.input_cost",
    Instrument.COUNTER,
    "{USD}",
    "M, P",
    "Cost of the input, including discounts and surcharges",
)
MISSES = Metric(
    "promptcache.misses",
    Instrument.COUNTER,
    "{miss}",
    "M, P, `promptcache.miss.reason`, `promptcache.miss.source`",
    "Requests that read less than they could have, by reason",
)
MISSED_TOKENS = Metric(
    "promptcache.missed_tokens",
    Instrument.COUNTER,
    "{token}",
    "M, P, `promptcache.miss.reason`",
    "Tokens that were processed again because of misses; an estimate",
)
MISSED_SAVINGS = Metric(
    "promptcache.missed_savings",
    Instrument.COUNTER,
    "{USD}",
    "M, P, `promptcache.miss.reason`",
    "Cost of the misses",
)
PREFIX_VARIANTS = Metric(
    "promptcache.prefix.variants",
    Instrument.COUNTER,
    "{variant}",
    "P",
    "Exact digests seen for the first time, including the first one; a count that keeps growing means that the prefix "
    "is not stable",
)
PREFIX_MINHASH = Metric(
    "promptcache.prefix.minhash",
    Instrument.GAUGE,
    "{hash}",
    "P",
    "Smallest 24-bit hash of the exact digests seen in the last hour or two: processes that see the same digests "
    "report the same number",
)
UNPRICED = Metric(
    "promptcache.unpriced",
    Instrument.COUNTER,
    "{request}",
    "M",
    "Answered requests that the dollar metrics exclude: price or usage unknown",
)
INTERNAL_ERRORS = Metric(
    "promptcache.internal.errors",
    Instrument.COUNTER,
    "{error}",
    "`error.type`, `code.function.name`",
    "Internal errors of the instrumentation and malformed responses; they were swallowed and did not affect the "
    "application",
)

VERDICTS = Metric(
    "promptcache.verdicts",
    Instrument.COUNTER,
    "{verdict}",
    "`promptcache.history`",
    "Requests whose cached share was reported, by the history they were judged by: `process` or `fleet`",
)
FLEET_OPERATIONS = Metric(
    "promptcache.fleet.operations",
    Instrument.COUNTER,
    "{operation}",
    "`promptcache.fleet.outcome`",
    "Queries and updates of the fleet's memory: `ok`, `late` (after the verdict), `dropped` (too many were queued, or "
    "the process ended), `failed`",
)

METRICS = (
    REQUESTS, TOKENS, TIME_TO_FIRST_TOKEN_DISTRIBUTION, SAVINGS, WRITE_SURCHARGE, INPUT_COST, MISSES, MISSED_TOKENS,
    MISSED_SAVINGS, PREFIX_VARIANTS, PREFIX_MINHASH, UNPRICED, VERDICTS, INTERNAL_ERRORS, FLEET_OPERATIONS,
)  # fmt: skip

# The conventions' own metrics, in the generation that released packages emit ...
RELEASED_DURATION = Metric(
    "gen_ai.client.operation.duration",
    Instrument.HISTOGRAM,
    "s",
    "operation, M",
    "Duration of GenAI client operation",
    _SECONDS_BUCKETS,
)
RELEASED_TIME_TO_FIRST_CHUNK = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    Instrument.HISTOGRAM,
    "s",
    "operation, M",
    "Time from the request to the first chunk of the response stream, of any kind",
    _SECONDS_BUCKETS,
)
RELEASED_TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage",
    Instrument.HISTOGRAM,
    "{token}",
    "operation, M, `gen_ai.token.type`",
    "Number of input and output tokens used by GenAI clients",
    _TOKEN_BUCKETS,
)
TOKEN_TYPE = "gen_ai.token.type"

# ... and in the one that the conventions describe now.
LATEST_DURATION = Metric(
    "gen_ai.client.inference.duration",
    Instrument.HISTOGRAM,
    "s",
    "operation, M",
    "Duration of an inference",
    _SECONDS_BUCKETS,
)
LATEST_TIME_TO_FIRST_CHUNK = Metric(
    "gen_ai.client.inference.time_to_first_chunk",
    Instrument.HISTOGRAM,
    "s",
    "operation, M",
    "Time from the request to the first chunk of the response stream, of any kind",
    _SECONDS_BUCKETS,
)
LATEST_INPUT_TOKENS = Metric(
    "gen_ai.client.inference.operation.input_tokens",
    Instrument.HISTOGRAM,
    "{token}",
    "operation, M",
    "Input tokens of an inference",
    _TOKEN_BUCKETS,
)
LATEST_OUTPUT_TOKENS = Metric(
    "gen_ai.client.inference.operation.output_tokens",
    Instrument.HISTOGRAM,
    "{token}",
    "operation, M",
    "Output tokens of an inference",
    _TOKEN_BUCKETS,
)
TOKEN_MODALITY = "gen_ai.token.modality"
LATEST_USAGE = {
    member: Metric(
        f"gen_ai.client.inference.usage.{kind}",
        Instrument.COUNTER,
        "{token}",
        "operation, M, `gen_ai.token.modality`",
        f"Reported {kind}",
    )
    for member, kind in (
        ("input_tokens", "input_tokens"),
        ("output_tokens", "output_tokens"),
        ("reasoning_tokens", "reasoning.output_tokens"),
        ("cache_read_tokens", "cache_read.input_tokens"),
        ("cache_write_tokens", "cache_write.input_tokens"),
    )
}

COUNTERS = (
    *(metric for metric in METRICS if metric.instrument is Instrument.COUNTER),
    *LATEST_USAGE.values(),
)
