"""The simulated provider behind the HTTP layer: cache, faults, stored responses and recorded requests."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import deque
from dataclasses import dataclass, replace

from otel_promptcache.sim.cache.cache import CacheRead, CacheScope
from otel_promptcache.sim.cache.caching_fields import CachingFields
from otel_promptcache.sim.cache.clock import Clock
from otel_promptcache.sim.cache.content import text_block
from otel_promptcache.sim.cache.models import SERVICE_TIERS, policy_for, resolve_alias
from otel_promptcache.sim.cache.policies import CachePolicy
from otel_promptcache.sim.cache.prompt import Message, Prompt, Settings, TokenStream, render
from otel_promptcache.sim.cache.store import ResponseStore
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.faults import Fault, FaultInjector
from otel_promptcache.sim.http.errors import ApiError, invalid_value
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.wire import JsonObject, as_text
from otel_promptcache.sim.messages.cache import MessagesCache, MessagesRead
from otel_promptcache.sim.messages.diagnostics import DiagnosedRequests
from otel_promptcache.sim.messages.prompt import MessagesPrompt
from otel_promptcache.sim.servers.caches import Caches
from otel_promptcache.sim.servers.profiles import SERVERS


@dataclass(frozen=True, slots=True)
class Model:
    """A model as a request names it.

    Attributes:
        asked: The name in the request.
        resolved: The snapshot it resolves to, which the response names.
        policy: Its cache rules.
    """

    asked: str
    resolved: str
    policy: CachePolicy


@dataclass(frozen=True, slots=True)
class Admission:
    """A request whose prompt was accepted, and the result of its cache read.

    Attributes:
        model: The model that answers.
        prompt: The request's prompt.
        stream: The prompt as tokens.
        scope: The scope of the cache that was read.
        read: The result of the cache read.
        caching: The request's caching fields.
        created_seconds: When it was admitted, by the simulator's clock.
        seed: Distinguishes prompts: equal prompts get equal answers.
    """

    model: Model
    prompt: Prompt
    stream: TokenStream
    scope: CacheScope
    read: CacheRead
    caching: CachingFields
    created_seconds: float
    seed: str


class Engine:
    """The simulated provider. Its methods can be called from any thread.

    Attributes:
        config: Its settings.
        server: The server it simulates.
        clock: Its source of time.
        store: Responses that can be retrieved, continued and compared against.
    """

    def __init__(self, config: SimConfig, clock: Clock) -> None:
        self.config = config
        self.server = SERVERS[config.server]
        self.clock = clock
        self.store = ResponseStore(config.max_responses, config.diagnostics_retention_seconds)
        self._lock = threading.Lock()
        self._ids = 0
        self._requests: deque[RecordedRequest] = deque(maxlen=config.max_requests)
        self._faults = FaultInjector(config.faults, config.seed)
        self._cache = Caches(config)
        self._messages = MessagesCache(config.max_cache_entries)
        self._diagnosed = DiagnosedRequests(config.diagnostics_retention_seconds)

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._requests)

    def record(self, request: RecordedRequest) -> None:
        """Keep a request for inspection."""
        with self._lock:
            self._requests.append(request)

    def new_id(self, prefix: str) -> str:
        """Return a new id; the sequence depends only on the seed."""
        with self._lock:
            self._ids += 1
            name = f"{self.config.seed}:{self._ids}"
        return prefix + hashlib.blake2b(name.encode(), digest_size=16).hexdigest()

    def draw_faults(self, header: str) -> frozenset[Fault]:
        """Return the faults of the next request; ValueError for an unknown name."""
        with self._lock:
            return self._faults.draw(header)

    def is_first_time(self, request_digest: bytes) -> bool:
        """Tell whether a request must fail now so that its retry can succeed."""
        with self._lock:
            return self._faults.is_first_time(request_digest)

    def inject(self, faults: frozenset[Fault]) -> None:
        """Apply faults to the next request."""
        with self._lock:
            self._faults.queue(faults)

    def evict(self) -> int:
        """Empty the cache and return how many entries were removed."""
        with self._lock:
            return self._cache.evict() + self._messages.evict()

    def reset(self) -> None:
        """Clear the cache, stored responses, recorded requests and queued faults."""
        with self._lock:
            self._cache.clear()
            self._messages.evict()
            self._diagnosed.clear()
            self._faults.clear()
            self._requests.clear()
        self.store.clear()

    def model(self, body: JsonObject, deployment: str | None) -> Model:
        """Return the model a request is for.

        Args:
            body: The request.
            deployment: The Azure deployment in the path, which wins over the body; None without one.

        Raises:
            ApiError: 400 without a model, 404 for an unknown one if `known_models_only` is set.
        """
        asked = deployment or as_text(body.get("model"))
        if not asked:
            raise ApiError(400, "you must provide a model parameter", param="model")
        name = self.config.deployments.get(asked, asked)
        if self.config.known_models_only and not self.server.knows(name):
            message = f"The model `{name}` does not exist or you do not have access to it."
            raise ApiError(404, message, code="model_not_found")
        if self.server.policy is not None:
            return Model(asked, name, self.server.policy)
        resolved = resolve_alias(name) if self.config.resolve_model_aliases else name
        return Model(asked, resolved, policy_for(name))

    def service_tier(self, body: JsonObject, faults: frozenset[Fault]) -> str:
        """Return the tier that serves a request; ApiError 400 for one that does not exist."""
        asked = body.get("service_tier")
        tier = "default" if asked is None else SERVICE_TIERS.get(as_text(asked) or "")
        if tier is None:
            raise invalid_value("service_tier", asked, tuple(SERVICE_TIERS))
        return "default" if "tier_downgrade" in faults else self.config.tier_downgrades.get(tier, tier)

    def admit(
        self,
        organization: str,
        model: Model,
        service_tier: str,
        prompt: Prompt,
        caching: CachingFields,
        faults: frozenset[Fault],
    ) -> Admission:
        """Accept a prompt and read the cache for it. `prefill` must follow."""
        if not self.server.has_accounts:
            organization = ""
        if self.server.policy is not None:  # only OpenAI has settings in the prompt
            prompt = replace(prompt, settings=Settings(model.resolved))
        stream = render(prompt)
        scope = CacheScope(organization, model.resolved, service_tier, caching.cache_key)
        now_seconds = self.clock.now_seconds()
        with self._lock:
            if "evict" in faults:
                self._cache.evict(organization)
            read = self._cache.read(
                stream, scope, model.policy, caching.options, now_seconds, miss="miss" in faults
            )
        digest = stream.digest(len(stream.tokens)) or b""
        return Admission(model, prompt, stream, scope, read, caching, now_seconds, digest.hex())

    def admit_message(
        self,
        account: str,
        model: str,
        prompt: MessagesPrompt,
        body: JsonObject,
        message_id: str,
        faults: frozenset[Fault],
    ) -> tuple[MessagesRead, JsonObject]:
        """Read the cache of the Messages API, and diagnose the request. `prefill_message` must follow."""
        now_seconds = self.clock.now_seconds()
        with self._lock:
            if "evict" in faults:
                self._messages.evict(account)
            read = self._messages.read(prompt, account, model, now_seconds, miss="miss" in faults)
            said = self._diagnosed.diagnose(body, message_id, prompt, account, model, now_seconds)
        return read, said if self.config.diagnostics_enabled else {}

    async def prefill_message(self, read: MessagesRead, faults: frozenset[Fault]) -> None:
        """Process the prompt of a message, then write the cache."""
        await self._process(read.uncached_tokens, faults)
        with self._lock:
            self._messages.write(read)

    async def prefill(self, admission: Admission, faults: frozenset[Fault]) -> None:
        """Process the prompt: take the time its uncached tokens take, then write the cache."""
        await self._process(admission.read.uncached_tokens, faults)
        with self._lock:
            self._cache.write(admission.read, self.clock.now_seconds())

    async def _process(self, tokens: int, faults: frozenset[Fault]) -> None:
        seconds = tokens / 1000 * self.config.prefill_seconds_per_1k_tokens
        if "slow" in faults:
            seconds += self.config.slow_seconds
        if seconds > 0:
            await asyncio.sleep(seconds)

    def keep_answer(self, admission: Admission, text: str) -> None:
        """Cache the answer, too, if the server caches what it generates."""
        policy = self.server.policy
        if policy is None:
            return
        answer = Message("assistant", (text_block(text),))
        stream = render(replace(admission.prompt, messages=(*admission.prompt.messages, answer)))
        with self._lock:
            self._cache.extend(stream, admission.scope, policy, self.clock.now_seconds())

    async def decode(self, tokens: int) -> None:
        """Wait as long as that many output tokens take."""
        seconds = tokens * self.config.decode_seconds_per_token
        if seconds > 0:
            await asyncio.sleep(seconds)
