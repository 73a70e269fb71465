"""Findings that show only in many calls together."""

from __future__ import annotations

from otel_promptcache.report.rules import snippets
from otel_promptcache.report.rules.rule import Cause, Rule

WRITES_NOT_READ = Rule(
    id="writes-not-read",
    title="Prompts are written to the cache and hardly read back",
    what="Writing to the cache costs more than ordinary input, here more than reading from it saved: it would have "
    "been cheaper without a cache. One full reuse pays for a write: at 1.25 times the price for the write and 0.1 "
    "for the read, two requests cost 1.35 instead of 2.",
    advice="Have requests share what they write: what is stable first, {shared_key}breakpoints where the shared "
    "part ends. If nothing is shared, explicit mode without breakpoints writes nothing.",
    snippet=snippets.NO_WRITES,
)

CONSTANT_READ = Rule(
    id="constant-read",
    title="The cached part stays the same while the prompt grows",
    what="Each prompt is longer than the one before, but always the same part of it is read from the cache: "
    "something changes right behind that place.",
    advice="Compare two requests behind that place. Often it is a date, an id, the order of tools, or a message that "
    "is rewritten with every turn.",
)

UNSTABLE_PREFIX = Rule(
    id="unstable-prefix",
    title="The leading part of the prompt is hardly ever the same",
    what="Tools and instructions are meant to be the same in all requests of a template. Here they come in almost as "
    "many variants as there are requests, and each has to be cached anew.",
    advice="Look for dates, ids, names of users and changing order in the tools and the instructions, and move them "
    "to the end of the input.",
)

USAGE_NOT_REQUESTED = Rule(
    id="usage-not-requested",
    title="Streams do not report their usage",
    what="A chat stream reports usage only if the request asks for it, so it is not known what these read from the "
    "cache. Unknown is not zero: they may be cached well.",
    advice='Pass `stream_options={"include_usage": True}`, or set `OTEL_PYTHON_PROMPTCACHE_STREAM_USAGE=true` to '
    "have it added.",
    cause=Cause.MEASUREMENT,
    snippet=snippets.USAGE,
)

STREAM_NOT_FINISHED = Rule(
    id="stream-not-finished",
    title="Streams are left before their end",
    what="Usage comes with the end of a stream, and these were closed before, so it is not known what they read from "
    "the cache. They are billed all the same.",
    advice="Read streams to their end if the numbers matter.",
    cause=Cause.MEASUREMENT,
)

CACHE_NOT_REPORTED = Rule(
    id="cache-not-reported",
    title="The server does not report cached tokens",
    what="Its usage has the input tokens, but not how many of them were cached. Unknown is not zero.",
    advice="Look for a setting of the server: vLLM reports them with `--enable-prompt-tokens-details`. Some servers "
    "report them only if there are any.",
    cause=Cause.MEASUREMENT,
)

CACHED_OUTSIDE_INPUT = Rule(
    id="cached-outside-input",
    title="This gateway reports its cached tokens apart from the input",
    what="More tokens were cached than the input has, which is inconsistent: in the format of this API the input "
    "includes the cached tokens. Nothing can be computed from such usage, so these requests are in no ratio and in "
    "no dollars.",
    advice="Set the gateway to report usage in OpenAI's format, `prompt_tokens` with the cached tokens, or update it.",
    cause=Cause.MEASUREMENT,
)

INVALID_USAGE = Rule(
    id="invalid-usage",
    title="The reported usage is impossible",
    what="A token count is negative, not a number, or larger than any context window. Such usage cannot be trusted, "
    "so these requests are in no ratio and in no dollars.",
    advice="Look at the `usage` of one answer, and report it to whoever runs the server.",
    cause=Cause.MEASUREMENT,
)

NO_PRICE = Rule(
    id="no-price",
    title="There are no prices for some requests",
    what="Their tokens are known, but not what the model costs, so all dollars in this report leave them out.",
    advice="State prices of your own with `OTEL_PYTHON_PROMPTCACHE_PRICES`. On Python 3.10 there is no bundled price "
    "list.",
    cause=Cause.MEASUREMENT,
)

ORDER_DIFFERS = Rule(
    id="order-differs-between-processes",
    title="The order differs from process to process",
    what="Several processes send the same tools and instructions in another order each, as sets and maps have it in "
    "a new process. Each order is cached on its own, so the same prompt is processed again for each of them.",
    advice="Sort tools, keys and lists before they are put into the prompt. A fixed `PYTHONHASHSEED` only hides it.",
)

PATTERN_RULES = (
    WRITES_NOT_READ, CONSTANT_READ, UNSTABLE_PREFIX, USAGE_NOT_REQUESTED, STREAM_NOT_FINISHED, CACHE_NOT_REPORTED,
    CACHED_OUTSIDE_INPUT, INVALID_USAGE, NO_PRICE, ORDER_DIFFERS,
)  # fmt: skip
