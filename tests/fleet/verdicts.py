"""The verdicts of processes that share a store: the same for every store, so that each is tested against them."""

from __future__ import annotations

from tests.fleet.fleets import SharedStore
from tests.unit.prompts import NEW, assistant, chat, marked, prose, system, tool, user

RULES = system(prose(3_000))
BODY = chat(RULES, user("Hi"))
TOOLS = [tool(name, prose(100, name)) for name in ("find", "book", "pay", "ask", "stop", "go")]


def reason(diagnosis: object) -> str | None:
    found = getattr(diagnosis, "reason", None)
    return found and found.value


def place(diagnosis: object) -> tuple[str, str] | None:
    found = getattr(diagnosis, "place", None)
    return found and (found.path, found.kind.value)


class FleetVerdicts:
    """Tests of a store; subclasses provide the fixture `shared`."""

    def test_what_another_process_sent_is_expected(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.send(BODY)
        shared.clock.now_seconds += 5
        hit = other.send(chat(RULES, user("Another question")), read=2_944)
        assert (reason(hit), hit.expected_tokens) == (None, 2_944)

    def test_a_prompt_that_nobody_sent_is_a_cold_start(self, shared: SharedStore) -> None:
        shared.process().send(chat(system(prose(3_000, "parcels")), user("Hi")))
        assert reason(shared.process().send(BODY)) == "cold_start"

    def test_the_provider_is_blamed_for_what_another_process_keeps_warm(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.send(BODY)
        other.send(BODY, read=2_944)
        shared.clock.now_seconds += 280
        other.send(BODY, read=2_944)
        shared.clock.now_seconds += 280
        missed = one.send(BODY)
        assert (reason(missed), missed.missed_tokens) == ("provider", 2_944)

    def test_what_no_process_used_in_time_has_expired(self, shared: SharedStore) -> None:
        shared.process().send(BODY)
        shared.clock.now_seconds += 301
        assert reason(shared.process().send(chat(RULES, user("Another")))) == "expired"

    def test_a_tool_order_of_its_own_in_each_process(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.send(chat(RULES, user("Hi"), tools=TOOLS))
        shared.clock.now_seconds += 5
        missed = other.send(chat(RULES, user("Hi"), tools=TOOLS[::-1]))
        assert (reason(missed), place(missed)) == ("tools_changed", ("tools[0]", "reordered"))
        assert (missed.missed_tokens or 0) > 3_000

    def test_a_lapsed_order_beside_one_that_is_alive(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        other.send(chat(RULES, user("Hi"), tools=TOOLS[::-1]))
        shared.clock.now_seconds += 400
        one.send(chat(RULES, user("Hi"), tools=TOOLS))
        missed = other.send(chat(RULES, user("Hi"), tools=TOOLS[::-1]))
        assert (reason(missed), place(missed)) == ("tools_changed", ("tools[0]", "reordered"))

    def test_a_time_on_top_is_found_where_another_process_had_another_one(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.send(chat(system("It is 10:03 now. " + prose(3_000)), user("Hi")))
        missed = other.send(chat(system("It is 10:04 now. " + prose(3_000)), user("Hi")))
        assert (reason(missed), place(missed)) == ("input_changed", ("messages[0].content", "timestamp"))
        assert (missed.missed_tokens or 0) > 2_900

    def test_a_deploy_that_changes_the_first_sentence(self, shared: SharedStore) -> None:
        text = prose(3_000)
        shared.process().send(chat(system("You answer for the north. " + text), user("Hi")))
        missed = shared.process().send(
            chat(system("You answer kindly, for the south and others. " + text), user("Hi"))
        )
        assert (reason(missed), place(missed)) == ("input_changed", ("messages[0].content", "edited"))

    def test_a_description_that_was_edited(self, shared: SharedStore) -> None:
        edited = [*TOOLS[:2], tool("pay", "Pays. " + prose(100, "pay")), *TOOLS[3:]]
        shared.process().send(chat(RULES, user("Hi"), tools=TOOLS))
        missed = shared.process().send(chat(RULES, user("Hi"), tools=edited))
        assert reason(missed) == "tools_changed"
        assert place(missed) == ("tools[2].function.description", "added")

    def test_a_key_of_its_own_in_each_process(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.send(chat(RULES, user("Hi"), prompt_cache_key="one"))
        missed = other.send(chat(RULES, user("Hi"), prompt_cache_key="other"))
        assert (reason(missed), missed.missed_tokens) == ("prompt_cache_key_changed", 2_944)

    def test_a_hundred_keys_do_not_push_each_other_out(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        for number in range(100):
            one.send(chat(RULES, user("Hi"), prompt_cache_key=f"user-{number}"))
        missed = other.send(chat(RULES, user("Hi"), prompt_cache_key="user-3"))
        assert (reason(missed), missed.missed_tokens) == ("provider", 2_944)

    def test_a_request_beside_another_one_is_concurrent(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        first = one.open(BODY)
        second = other.open(chat(RULES, user("Another")))
        assert reason(first.answer().judge()) == "cold_start"
        assert reason(second.answer().judge()) == "concurrent"

    def test_a_request_that_was_given_up_is_not_on_its_way(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        one.open(BODY).call.closed()
        assert reason(other.send(BODY)) == "cold_start"

    def test_a_request_whose_process_is_gone_is_on_its_way_for_a_minute(self, shared: SharedStore) -> None:
        shared.process().open(BODY)
        shared.clock.now_seconds += 59
        second = shared.process().open(BODY)
        assert reason(second.answer().judge()) == "concurrent"
        shared.clock.now_seconds += 361
        shared.process().open(chat(RULES, user("Another")))
        shared.clock.now_seconds += 61
        assert reason(shared.process().send(BODY)) == "expired"

    def test_too_many_requests_of_all_processes_together(self, shared: SharedStore) -> None:
        processes = [shared.process() for _ in range(4)]
        for number in range(16):
            processes[number % 4].send(BODY, read=2_944 if number else 0)
            shared.clock.now_seconds += 1
        assert reason(processes[0].send(BODY)) == "rate_overflow"
        shared.clock.now_seconds += 61
        assert reason(processes[0].send(BODY)) == "provider"

    def test_what_a_gateway_answers_is_not_counted(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        for _ in range(16):
            one.open(BODY).call.closed(was_sent=False)
        other.send(BODY)
        assert reason(other.send(BODY)) == "provider"

    def test_turns_of_a_conversation_in_any_process(self, shared: SharedStore) -> None:
        turns = [RULES, user(prose(200, "first"))]
        shared.process().send(chat(*turns))
        turns += [assistant(prose(200, "answer")), user("And now?")]
        missed = shared.process().open(chat(*turns)).answer().judge(input_tokens=3_500)
        assert (reason(missed), missed.missed_tokens) == ("provider", 3_200)

    def test_boundaries_that_another_process_left(self, shared: SharedStore) -> None:
        body = chat(marked(RULES), user("Hi"), model=NEW)
        shared.process().send(body, write=3_000)
        shared.clock.now_seconds += 20
        hit = shared.process().send(chat(marked(RULES), user("Another"), model=NEW), read=3_000)
        assert (reason(hit), hit.expected_tokens) == (None, 2_999)  # estimated from bytes
        missed = shared.process().send(chat(marked(RULES), user("Third"), model=NEW))
        assert (reason(missed), missed.missed_tokens) == ("provider", 3_000)

    def test_a_boundary_that_another_process_is_about_to_leave(self, shared: SharedStore) -> None:
        first = shared.process().open(chat(marked(RULES), user("Hi"), model=NEW))
        second = shared.process().open(chat(marked(RULES), user("Another"), model=NEW))
        first.answer().judge(write=3_000)
        assert reason(second.answer().judge()) == "concurrent"

    def test_without_a_boundary_where_the_prompts_part(self, shared: SharedStore) -> None:
        rules = user(prose(3_000) + "First")
        shared.process().send(chat(rules, model=NEW), write=3_000)
        missed = shared.process().send(chat(user(prose(3_000) + "Second"), model=NEW))
        assert reason(missed) == "no_matching_breakpoint"

    def test_other_namespaces_and_other_keys_share_nothing(self, shared: SharedStore) -> None:
        shared.process(key="secret").send(BODY)
        for members in ({"key": "other"}, {"key": None}, {"key": "secret", "namespace": "second"}):
            assert reason(shared.process(**members).send(BODY)) == "cold_start"
        assert reason(shared.process(key="secret").send(BODY)) == "provider"

    def test_customers_of_one_platform_share_nothing(self, shared: SharedStore) -> None:
        shared.process(account=5).send(BODY)
        assert reason(shared.process(account=6).send(BODY)) == "cold_start"
        assert reason(shared.process(account=5).send(BODY)) == "provider"

    def test_a_leading_part_is_new_to_the_fleet_once(self, shared: SharedStore) -> None:
        snapshots = [shared.process().open(BODY).call.snapshot for _ in range(3)]
        assert [each and each.is_new_variant for each in snapshots] == [True, False, False]

    def test_the_newest_answer_is_told_to_the_same_account_only(self, shared: SharedStore) -> None:
        shared.process(account=5).send(BODY)
        for account, known in ((5, "resp_1"), (6, None)):
            process = shared.process(account=account)
            opened = process.open(BODY)
            assert process.fleet.newest_answer(opened.examination, account) == known

    def test_a_body_that_the_store_lost_is_written_again(self, shared: SharedStore) -> None:
        one = shared.process()
        one.send(chat(RULES, user("Hi"), tools=TOOLS))
        one.memory._touched.clear()
        shared.clock.now_seconds += 90_000  # over a day, so all is forgotten
        one.send(chat(RULES, user("Hi"), tools=TOOLS))
        missed = shared.process().send(chat(RULES, user("Hi"), tools=TOOLS[::-1]))
        assert reason(missed) == "tools_changed"

    def test_a_template_of_many_variants_leaves_one_a_minute(self, shared: SharedStore) -> None:
        one = shared.process()
        for number in range(40):
            one.send(chat(system(f"It is 10:{number:02} now. " + prose(1_500)), user("Hi")))
            shared.clock.now_seconds += 1
        written = [each for each in one.runner.operations if getattr(each, "variant", None) is not None]
        assert 20 <= len(written) < 25

    def test_a_long_conversation_is_known_from_its_ends(self, shared: SharedStore) -> None:
        turns = [RULES]
        for number in range(150):
            turns += [user(f"Question {number}. " + prose(20)), assistant(f"Answer {number}.")]
        turns.append(user("And now?"))
        shared.process().send(chat(*turns))
        other = shared.process()
        missed = other.send(chat(*turns, assistant("So."), user("Thanks")))
        assert reason(missed) == "provider"
        assert len(other.runner.operations[0].chain) == 128

    def test_a_prompt_that_was_sent_before_the_store_was_asked_is_counted(self, shared: SharedStore) -> None:
        one, other = shared.process(), shared.process()
        for _ in range(15):
            one.runner.is_late = True
            one.send(BODY)
            one.runner.flush()
        other.send(BODY)
        assert reason(other.send(BODY)) == "rate_overflow"

    def test_what_another_document_shares_with_the_prompt_is_too_little(self, shared: SharedStore) -> None:
        shared.process().send(chat(RULES, user(prose(400, "first") + prose(200)), tools=TOOLS))
        missed = shared.process().send(chat(RULES, user(prose(2_000, "second") + prose(200)), tools=TOOLS))
        assert reason(missed) == "provider"

    def test_a_snapshot_after_the_end_changes_nothing(self, shared: SharedStore) -> None:
        shared.process().send(BODY)
        other = shared.process()
        sent = other.open(BODY)
        assert sent.examination.is_joined
        snapshot = sent.call.snapshot
        assert snapshot is not None
        late = other.open(chat(RULES, user("Another")))
        late.answer()
        late.examination.join(snapshot)
        assert late.judge(read=2_944).expected_tokens == 2_944
