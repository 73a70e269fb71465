"""What one request asks for, and how it fared with the prompt cache."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

from otel_promptcache.calls.address import Address
from otel_promptcache.calls.fleet_call import GuardedFleetCall
from otel_promptcache.calls.shared import ObservedRun, Shared
from otel_promptcache.core.analyzer import CacheReport, analyze, gateway_hit
from otel_promptcache.core.diagnosis.examination import Examination
from otel_promptcache.core.diagnosis.verdict import Diagnosis
from otel_promptcache.core.exchange import AnswerContent, ProviderDiagnosis, Reply, RequestFacts
from otel_promptcache.core.memory.nodes import SentPrompt
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.core.money.usage import TEXT_ALONE, TokenUsage
from otel_promptcache.core.policy import CachePolicy
from otel_promptcache.core.prompt.fingerprint import PrefixIdentity
from otel_promptcache.core.prompt.serial import NotJsonError
from otel_promptcache.guard import guarded
from otel_promptcache.prefix import current_prefix_name
from otel_promptcache.providers.profiles import BILLED_BY_REQUESTED_MODEL, OTHER, answers_why
from otel_promptcache.telemetry.exportable import Attributes
from otel_promptcache.wire.format import WireFormat, json_body
from otel_promptcache.wire.request import RequestContent, read_request

_NOT_REPORTED = TokenUsage()
_UNCONFIRMED = "unconfirmed"
"""A tier without a known price: the request asks for something that is not billed at the standard prices."""


class Inference:
    """The request side of one call, and its verdict."""

    def __init__(self, shared: Shared, wire: WireFormat) -> None:
        self.guard = shared.guard
        self._shared = shared
        self._wire = wire
        self.facts = RequestFacts(wire.operation, provider=OTHER, api_type=wire.api_type)
        self.prefix: PrefixIdentity | None = None
        """None if the prompt could not be read."""
        self.prefix_name = current_prefix_name()
        self.is_background = False
        """The answer may be fetched by requests of its own."""
        self.attempts = 0
        """How often it was sent."""
        self._is_json = True
        self._has_list_price = True
        self._account = 0
        self._endpoint = ""
        """The host, and the port unless it is the default one."""
        self._modalities = TEXT_ALONE
        self._unstated_tier: str | None = None
        """What is taken for the tier of an answer that names none."""
        self._examination: Examination | None = None
        self._judged: tuple[tuple[object, ...], Diagnosis] | None = None
        """The last judgement, and what it goes by."""
        self._fleet_call = None if shared.fleet is None else GuardedFleetCall(shared.guard)

    def read(self, body: object, address: Address, now_seconds: float) -> bool:
        """Read the request without keeping it.

        Args:
            body: JSON, as a value or as text; of anything else, nothing is known.
            address: Where it goes.
            now_seconds: The current time.

        Returns:
            Whether all of it is JSON. If not, the prompt is unknown.
        """
        self._is_json = True
        self._endpoint = address.host if address.port is None else f"{address.host}:{address.port}"
        try:
            request = read_request(self._wire, json_body(body), address.path, self._shared.hash_value)
        except (
            NotJsonError,
            json.JSONDecodeError,
            UnicodeDecodeError,
        ):  # the application may have encoded it
            self._is_json = False
            request = read_request(self._wire, {}, address.path, self._shared.hash_value)
        self.facts = RequestFacts(
            operation=self._wire.operation,
            provider=self._shared.providers.resolve(
                address.host,
                address.port,
                request.model,
                platform=address.platform,
                is_deployment=request.is_deployment,
                vendor=self._wire.vendor,
            ),
            api_type=self._wire.api_type,
            model=request.model,
            service_tier=request.service_tier,
            host=address.host,
            port=address.port,
            is_stream=request.is_stream,
        )
        self.is_background, self._has_list_price = request.is_background, request.has_list_price
        self._unstated_tier = _UNCONFIRMED if request.asks_for_another_price else None
        if self._wire.reads_prompt and self._is_json:
            self._examine(request, address, now_seconds)
        return self._is_json

    @guarded
    def _examine(self, request: RequestContent, address: Address, now_seconds: float) -> None:
        facts, fingerprinter, self._account = self.facts, self._shared.fingerprinter, address.account
        customer = self._shared.accounts.customer(self._endpoint, address.account)
        try:
            prompt, segments = self._shared.hasher.hash(request.read_blocks, customer)
            self.prefix = fingerprinter.recall(prompt.leading) or fingerprinter.identify(
                request.read_segments(), prompt.leading
            )
        except NotJsonError:
            self._is_json = False
            return
        self._modalities = prompt.modalities
        if not prompt.is_whole:
            return
        scope = request.scope._replace(
            provider=facts.provider,
            host=self._endpoint,
            model=facts.model or "",
            settings=tuple(sorted((*request.settings, *address.settings))),
        )
        policy = self._shared.policy_of(facts.provider, facts.model or "", None)
        self._examination = Examination(
            self._shared.index,
            SentPrompt(prompt, scope, request.options, self.prefix.fingerprint, account=customer),
            segments,
            now_seconds,
            policy=policy,
            keeps_names=self._shared.path_names,
            may_be_joined=self._shared.fleet is not None,
        )
        if self._shared.fleet is not None and self._fleet_call is not None:
            self._fleet_call.sent(
                self._shared.fleet,
                self._examination,
                segments,
                self.prefix,
                account=self._account,
                has_one_customer=not self._shared.accounts.has_several_customers,
            )

    @property
    def comparable_response_id(self) -> str | None:
        """The provider's id of the earlier response to compare with; None if there is none."""
        examination, fleet = self._examination, self._shared.fleet
        if examination is None:
            return None
        own = examination.comparable_response_id
        return fleet.newest_answer(examination, self._account) if own is None and fleet else own

    def can_ask_why(self) -> bool:
        """Whether the provider can say why a prompt was not read from its cache."""
        facts = self.facts
        has_diagnostics = answers_why(facts.provider, facts.host or "")
        return has_diagnostics and self.policy().has_exact_boundaries and self._examination is not None

    def policy(self, answering_model: str | None = None) -> CachePolicy:
        """The rules of the model that answered, or of the requested model if that is unknown."""
        facts = self.facts
        return self._shared.policy_of(facts.provider, answering_model or facts.model or "", facts.model)

    def put_aside(self, *, is_pending: bool) -> None:
        """The rest of the answer is fetched later. If it is pending, the prompt is processed at an unknown time."""
        if self._examination is None:
            return
        self._examination.close()
        if is_pending:
            self._examination.put_aside()

    @guarded
    def admit(self, reply: Reply, now_seconds: float) -> None:
        """The provider has processed the prompt, so later ones are compared with it."""
        if self._examination is not None:
            self._answered(self._examination, reply, self.policy(reply.model), now_seconds, None)

    def _answered(
        self,
        examination: Examination,
        reply: Reply,
        policy: CachePolicy,
        now_seconds: float,
        usage: TokenUsage | None,
    ) -> None:
        answered = examination.answered(reply, policy, now_seconds, usage)
        if answered is not None and self._fleet_call is not None:
            self._fleet_call.answered(answered)

    def report(self, answer: AnswerContent, started_ns: int, now_seconds: float) -> CacheReport:
        """Judge the request by its answer.

        Args:
            answer: The answer, which is not from a gateway's own cache.
            started_ns: When the call began, since the Unix epoch; prices are looked up for that time.
            now_seconds: When the answer came.
        """
        policy, model = self.policy(answer.reply.model), answer.reply.model or self.facts.model or ""
        usage = self._usage(answer, model)
        return analyze(
            prefix=self._identity(),
            prefix_name=self.prefix_name,
            usage=usage,
            diagnosis=self._diagnose(answer, usage, policy, now_seconds) or Diagnosis(),
            policy=policy,
            price=self._price(model, answer.reply, started_ns),
            is_answered=answer.is_processed,
            usage_error=answer.usage_error,
        )

    @guarded
    def judge(self, answer: AnswerContent, now_seconds: float) -> None:
        """Judge the request by the start of a stream. This is not repeated if its end says the same."""
        model = answer.reply.model or self.facts.model or ""
        self._diagnose(answer, self._usage(answer, model), self.policy(answer.reply.model), now_seconds)

    def _usage(self, answer: AnswerContent, model: str) -> TokenUsage:
        """The reported usage, completed by what else is known."""
        usage = answer.usage or _NOT_REPORTED
        reporters, reporter = self._shared.reporters, (self._endpoint, model)
        if usage.cache_read_tokens is None or reporter not in reporters.known:
            usage = reporters.completed(usage, *reporter, self.facts.provider)
        if self._modalities:  # not every provider counts them
            usage = replace(usage, modalities=usage.modalities | self._modalities)
        return usage

    def gateway_report(self) -> CacheReport:
        """The report of a request that never reached the provider, so it leaves no trace."""
        if self._examination is not None:
            self._examination.answered_elsewhere()
        if self._fleet_call is not None:
            self._fleet_call.closed(was_sent=False)
        return gateway_hit(self.prefix, self.prefix_name)

    def run_attributes(self, run: ObservedRun, answering_model: str | None) -> Attributes:
        """What the report on a run of several processes needs to know; nothing before the prompt is processed."""
        prefix, examination = self.prefix, self._examination
        if prefix is None or examination is None or examination.processed_seconds is None:
            return {}
        policy = self.policy(answering_model)
        return run.attributes(prefix, self._account, examination.sent, policy, examination.processed_seconds)

    def close(self) -> None:
        """The prompt is no longer in flight."""
        if self._examination is not None:
            self._examination.close()
        if self._fleet_call is not None:
            self._fleet_call.closed(was_sent=True)

    def _identity(self) -> PrefixIdentity | None:
        """The template. If it is known whether its leading part is new to the fleet, that decides whether it is new."""
        is_new_variant = self._fleet_call.is_new_variant if self._fleet_call is not None else None
        if self.prefix is None or is_new_variant is None:
            return self.prefix
        return replace(self.prefix, is_new_variant=is_new_variant)

    @guarded
    def _diagnose(
        self, answer: AnswerContent, usage: TokenUsage, policy: CachePolicy, now_seconds: float
    ) -> Diagnosis | None:
        examination, said = self._examination, answer.reply.diagnosis
        if examination is None:
            return None
        if answer.is_processed:
            self._answered(examination, answer.reply, policy, now_seconds, usage)
        if self._wire.has_early_usage:
            diagnosis = self._judge_once(examination, usage, said, policy)
        else:
            diagnosis = examination.judge(usage, said, policy, is_retried=self.attempts > 1)
        if self._fleet_call is not None:
            self._fleet_call.learned(examination.learned_tokens)
        return diagnosis

    def _judge_once(
        self,
        examination: Examination,
        usage: TokenUsage,
        said: ProviderDiagnosis | None,
        policy: CachePolicy,
    ) -> Diagnosis:
        """Judge, but not again at the end of a stream whose start said everything that matters."""
        judged = (
            usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.has_further_readings,
            said, policy, examination.is_joined,
        )  # fmt: skip
        if self._judged is None or self._judged[0] != judged:
            self._judged = judged, examination.judge(usage, said, policy, is_retried=self.attempts > 1)
        return self._judged[1]

    @guarded
    def _price(self, model: str, reply: Reply, started_ns: int) -> ModelPrice | None:
        service_tier = reply.service_tier or reply.billing or self._unstated_tier
        if self.facts.provider in BILLED_BY_REQUESTED_MODEL:
            model = self.facts.model or model
        at = datetime.fromtimestamp(started_ns / 1e9, timezone.utc)
        provider = self.facts.provider if self._has_list_price else OTHER
        return self._shared.prices.resolve(provider, model, service_tier, at, host=self.facts.host)
