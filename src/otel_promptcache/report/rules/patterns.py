"""Findings that only show across many calls."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule

WRITES_NOT_READ = Rule(
    id="writes-not-read",
    title="Prompts are written to the cache but rarely read back",
    what="Writing to the cache costs more than ordinary input, here more than reading from it saved: it would have "
    "been cheaper without a cache.{one_reuse}",
    advice="Let requests share what they write: stable content first, {shared_key}{write_less}",
    snippet=snippets.NO_WRITES,
)

CONSTANT_READ = Rule(
    id="constant-read",
    title="The cached part stays the same while the prompt grows",
    what="Each prompt is longer than the one before, but always the same part of it is read from the cache: "
    "something changes right after that part.",
    advice="Compare two requests after that part. Often it is a date, an id, the order of tools, or a message "
    "that is rewritten with every turn.",
)

UNSTABLE_PREFIX = Rule(
    id="unstable-prefix",
    title="The leading part of the prompt is rarely the same",
    what="Tools and instructions are meant to be the same in all requests of a template. Here they come in almost as "
    "many variants as there are requests, and each has to be cached separately.",
    advice="Look for dates, ids, user names and a varying order in the tools and the instructions. Fix the order, "
    "and move the rest to the end of the input.",
)

USAGE_NOT_REQUESTED = Rule(
    id="usage-not-requested",
    title="Streams do not report their usage",
    what="{ask_for_usage}, so it is not known what these streams read from the cache. Unknown is not zero: they may be "
    "well cached.",
    advice='Pass `stream_options={"include_usage": True}`, or set `OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE=true` to '
    "have it added.",
    cause=Cause.MEASUREMENT,
    snippet=snippets.USAGE,
)

USAGE_NOT_REPORTED = Rule(
    id="usage-not-reported",
    title="Answers come without their usage",
    what="These answers were read to the end but contain no usage, so it is not known what they read from the cache. "
    "Unknown is not zero: they may be well cached.",
    advice="{no_usage}",
    cause=Cause.MEASUREMENT,
)

STREAM_NOT_FINISHED = Rule(
    id="stream-not-finished",
    title="Streams are closed before they end",
    what="These streams were closed before the usage arrived, which comes last, so it is not known what they read "
    "from the cache. They are billed anyway.",
    advice="Read streams to their end if the numbers matter.",
    cause=Cause.MEASUREMENT,
)

CACHE_NOT_REPORTED = Rule(
    id="cache-not-reported",
    title="The server does not report cached tokens",
    what="The server reports the input tokens, but not how many of them were cached. Unknown is not zero.",
    advice="{report_cached}",
    cause=Cause.MEASUREMENT,
)

CACHED_OUTSIDE_INPUT = Rule(
    id="cached-outside-input",
    title="This gateway reports cached tokens separately from the input",
    what="More tokens were cached than the input has, which is inconsistent: in the format of this API the input "
    "includes the cached tokens. Nothing can be computed from such usage, so ratios and dollar amounts exclude "
    "these requests.",
    advice="Configure the gateway to include the cached tokens in `prompt_tokens`, or update it.",
    cause=Cause.MEASUREMENT,
)

INVALID_USAGE = Rule(
    id="invalid-usage",
    title="The reported usage is impossible",
    what="A token count is negative, not a number, or larger than any context window. Such usage cannot be "
    "trusted, so ratios and dollar amounts exclude these requests.",
    advice="Look at the `usage` of one answer, and report it to whoever runs the server.",
    cause=Cause.MEASUREMENT,
)

NO_PRICE = Rule(
    id="no-price",
    title="Some requests have no price",
    what="The tokens of these requests are known, but not what the model costs, so all dollar amounts in this report "
    "leave them out.",
    advice="Set your own prices with `OTEL_PYTHON_PROMPTCACHE_PRICES`. On Python 3.10 there is no bundled price "
    "list.",
    cause=Cause.MEASUREMENT,
)

ORDER_DIFFERS = Rule(
    id="order-differs-between-processes",
    title="The order differs from process to process",
    what="Several processes send the same tools and instructions, each in a different order, as with sets, whose "
    "order changes from process to process. Each order is cached separately, so the same prompt is processed "
    "again for each of them.",
    advice="Sort tools, keys and lists before they are put into the prompt. A fixed `PYTHONHASHSEED` only hides it.",
)

PATTERN_RULES = (
    WRITES_NOT_READ, CONSTANT_READ, UNSTABLE_PREFIX, USAGE_NOT_REQUESTED, USAGE_NOT_REPORTED, STREAM_NOT_FINISHED,
    CACHE_NOT_REPORTED, CACHED_OUTSIDE_INPUT, INVALID_USAGE, NO_PRICE, ORDER_DIFFERS,
)  # fmt: skip
