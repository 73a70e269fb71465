"""Prompts of known size, and an application that sends them to a provider whose reports are made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from otel_promptcache.core.comparison.comparison import Comparison, Cutter, compare
from otel_promptcache.core.diagnosis.case import Case
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.expectation import Expectation, expect
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import ProviderDiagnosis, Reply
from otel_promptcache.core.memory.index import PrefixIndex
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.usage import TokenUsage
from otel_promptcache.core.policy import UNKNOWN_POLICY, CachePolicy
from otel_promptcache.core.prompt.chain import PromptHasher, hash_prompt
from otel_promptcache.core.prompt.fingerprint import Fingerprinter
from otel_promptcache.core.prompt.segments import CacheScope, Segment, without_items
from otel_promptcache.providers.policies import policy_for
from otel_promptcache.wire.format import WireFormat
from otel_promptcache.wire.openai.chat import CHAT_COMPLETIONS

Body = dict[str, Any]

OLD, MIDDLE, NEW = "gpt-4o", "gpt-5.5", "gpt-5.6-sol"
"""Read in steps of 128 tokens, in steps of 2,048, and at exact boundaries, respectively."""

BYTES_A_TOKEN = 4
SENTENCE_TOKENS = 20
BREAKPOINT = {"prompt_cache_breakpoint": {"mode": "explicit"}}
EXPLICIT = {"prompt_cache_options": {"mode": "explicit"}}


def prose(tokens: int, topic: str = "orders") -> str:
    """Sentences of 20 tokens (80 bytes) each, all different, without a digit."""
    return "".join(_sentence(number, topic) for number in range(tokens // SENTENCE_TOKENS))


def _sentence(number: int, topic: str) -> str:
    name = "".join("abcdefghij"[int(digit)] for digit in str(number))
    size_bytes = SENTENCE_TOKENS * BYTES_A_TOKEN - 2
    return (
        f"Rule {name} of {topic} says what has to be done with things of its kind and with all the others"[
            :size_bytes
        ].ljust(size_bytes, "x")
        + ". "
    )


def system(text: str) -> Body:
    return {"role": "system", "content": text}


def user(text: str) -> Body:
    return {"role": "user", "content": text}


def assistant(text: str) -> Body:
    return {"role": "assistant", "content": text}


def marked(message: Body, **breakpoint_members: str) -> Body:
    """The message with an explicit breakpoint at its end."""
    marker = {"prompt_cache_breakpoint": {"mode": "explicit", **breakpoint_members}}
    return {**message, "content": [{"type": "text", "text": message["content"], **marker}]}


def tool(name: str, description: str = "Finds things.", **schema: Any) -> Body:
    properties = {"query": {"type": "string"}, "limit": {"type": "integer"}}
    parameters = {"type": "object", "properties": properties, **schema}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def chat(*messages: Body, **members: Any) -> Body:
    return {"model": OLD, "messages": list(messages), **members}


def prompt_of(
    body: Body,
    *,
    scope: CacheScope = CacheScope(),  # noqa: B008  # frozen
    fingerprint: str = "template",
    wire: WireFormat = CHAT_COMPLETIONS,
) -> SentPrompt:
    """A request's prompt, as it would be remembered."""
    return SentPrompt(hash_prompt(tuple(wire.segments(body))), scope, wire.options(body), fingerprint)


@dataclass
class Application:
    """Sends prompts; the test states what the provider reports, at four bytes per token."""

    wire: WireFormat = CHAT_COMPLETIONS
    index: PrefixIndex = field(default_factory=PrefixIndex)
    now_seconds: float = 1_000.0
    policy: CachePolicy | None = None
    """None for the model's own."""

    def __post_init__(self) -> None:
        self._fingerprinter, self._hasher = Fingerprinter(), PromptHasher()

    def open(
        self, body: Body, *, policy: CachePolicy | None = None, keeps_names: bool = False
    ) -> Examination:
        """Send a request that is not answered yet."""
        options, read = self.wire.options(body), partial(self.wire.blocks, body)
        scope = self.wire.scope(body)._replace(
            provider="openai", model=body["model"], settings=self.wire.settings(body, hash)
        )
        prompt, segments = self._hasher.hash(partial(without_items, read) if options.is_continued else read)
        fingerprint = self._fingerprinter.identify(self.segments(body)).fingerprint
        sent = SentPrompt(prompt, scope, options, fingerprint)
        return Examination(
            self.index,
            sent,
            segments,
            self.now_seconds,
            policy=policy or self.policy or UNKNOWN_POLICY,
            keeps_names=keeps_names,
        )

    def send(
        self,
        body: Body,
        *,
        read: int | None = 0,
        write: int | None = None,
        input_tokens: int | None = None,
        reply: Reply = Reply(response_id="resp_1"),  # noqa: B008  # frozen
        said: ProviderDiagnosis | None = None,
    ) -> Diagnosis:
        """Send a request that is answered immediately."""
        examination = self.open(body)
        policy = self.policy or policy_for("openai", body["model"])
        total = self.tokens(body) if input_tokens is None else input_tokens
        usage = TokenUsage(input_tokens=total, cache_read_tokens=read, cache_write_tokens=write)
        examination.answered(reply, policy, self.now_seconds, usage)
        return examination.judge(usage, said, policy)

    def expectation(self, body: Body, *, read: int = 0, input_tokens: int | None = None) -> Expectation:
        """What could be read for a request, without sending it."""
        examination = self.open(body)
        examination.close()
        case = Case(
            sent=examination.sent,
            match=examination._own.match,
            policy=self.policy or policy_for("openai", body["model"]),
            boundaries=examination.boundaries.readable if examination.boundaries else (),
            input_tokens=self.tokens(body) if input_tokens is None else input_tokens,
            read_tokens=read,
            now_seconds=self.now_seconds,
        )
        return expect(case, examination._own.comparison)

    def comparison(self, body: Body) -> Comparison | None:
        """How a request compares with what was sent before, without sending it."""
        segments = self.segments(body)
        sent = prompt_of(body, wire=self.wire, fingerprint=self._fingerprinter.identify(segments).fingerprint)
        match = self.index.match_prefix(sent, self.now_seconds)
        return compare(self.index, sent, match, Cutter(self.index, sent.prompt.links, segments))

    def segments(self, body: Body) -> tuple[Segment, ...]:
        return tuple(self.wire.segments(body))

    def tokens(self, body: Body) -> int:
        """The tokens of a prompt: its bytes divided by four."""
        return hash_prompt(self.segments(body)).size_bytes // BYTES_A_TOKEN


def only(members: Mapping[str, Any], *names: str) -> Body:
    """These members, in this order."""
    return {name: members[name] for name in names}


@dataclass(frozen=True)
class Seen:
    """One request: what we say about it, and what the local provider's cache really did."""

    attributes: Mapping[str, Any]
    read_tokens: int
    input_tokens: int

    @property
    def result(self) -> str:
        return self.attributes["promptcache.result"]

    @property
    def reason(self) -> str | None:
        return self.attributes.get("promptcache.miss.reason")

    @property
    def expected_tokens(self) -> int:
        return self.attributes["promptcache.expected_tokens"]

    @property
    def missed_tokens(self) -> int | None:
        return self.attributes.get("promptcache.miss.tokens")

    @property
    def place(self) -> tuple[str | None, str | None]:
        """Path and kind of the divergence."""
        return (
            self.attributes.get("promptcache.divergence.path"),
            self.attributes.get("promptcache.divergence.kind"),
        )


@dataclass(frozen=True)
class Watched:
    """A real client of the local provider, and the outcome of each of its requests."""

    client: Any
    simulator: Any
    telemetry: Any

    def send(self, body: Body) -> Seen:
        """Send a request, to the Responses API if the body has an input, else as a chat, and wait for the answer."""
        required = ("model", "input" if "input" in body else "messages")
        create = self.client.responses.create if "input" in body else self.client.chat.completions.create
        # In the extra body, because old SDK versions have no argument for some of them.
        extra = {name: member for name, member in body.items() if name not in required}
        create(**{name: body[name] for name in required}, extra_body=extra)
        return self.latest()

    def latest(self) -> Seen:
        """The request that was answered last, if it was also the last to finish."""
        span = self.telemetry.exporter.get_finished_spans()[-1]
        cache = self.simulator.requests[-1].cache
        return Seen(dict(span.attributes), cache.cached_tokens, cache.input_tokens)
