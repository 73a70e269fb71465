from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_promptcache import prices as module
from otel_promptcache.core.money.pricing import ModelPrice
from otel_promptcache.own_prices import load_prices
from otel_promptcache.prices import Prices
from tests.unit.price_tables import NOW, needs_table, openai

if TYPE_CHECKING:
    from pathlib import Path


OWN = load_prices(
    {
        "gpt-6.2-sol": {"input": 2.0, "cache_read": 0.1, "tiers": {"flex": {"input": 1.0}}},
        "gpt-4o": {"input": 1.0},
        "gpt-4o-2024-05-13": {"input": 3.0},
    }
)


class TestOwnPrices:
    @pytest.mark.parametrize("provider", ["openai", "azure.ai.openai", "nobody"])
    def test_they_price_what_the_table_does_not_know(self, provider: str) -> None:
        assert Prices(OWN).resolve(provider, "gpt-6.2-sol", "default", NOW) == ModelPrice(2.0, 0.1)

    @needs_table
    def test_they_win_over_the_table(self) -> None:
        own = Prices(OWN)

        assert own.resolve("openai", "gpt-4o", None, NOW) == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-4o", None, NOW, host="eu.api.openai.com") == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-5", None, NOW) == openai("gpt-5")

    @needs_table
    def test_they_hold_for_dated_snapshots_without_a_price_of_their_own(self) -> None:
        own = Prices(OWN)
        names = [
            "gpt-4o-2024-11-20",
            "gpt-4o-20241120",
            "gpt-4o-2024-05-13",
            "gpt-4o-mini",
            "ft:gpt-4o-2024-11-20:x",
        ]

        found = [own.resolve("openai", name, None, NOW) for name in names]

        assert found == [ModelPrice(1.0), ModelPrice(1.0), ModelPrice(3.0), openai("gpt-4o-mini"), None]

    def test_a_tier_without_a_price_of_its_own_has_none(self) -> None:
        own = Prices(OWN)

        assert own.resolve("openai", "gpt-6.2-sol", "flex", NOW) == ModelPrice(1.0)
        assert own.resolve("openai", "gpt-6.2-sol", "priority", NOW) is None
        assert own.resolve("openai", "gpt-4o", "priority", NOW) is None


class TestLoadPrices:
    def test_none_states_no_prices(self) -> None:
        assert load_prices(None) == {}

    def test_from_a_json_file(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.json"
        path.write_text(json.dumps({"m": {"input": 2, "cache_read": 0.5}}))

        assert load_prices(path) == load_prices(str(path)) == {"m": {"default": ModelPrice(2, 0.5)}}

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in 3.11")
    def test_from_a_toml_file(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.toml"
        path.write_text('["gpt-6.2-sol"]\ninput = 2.0\ntiers.flex = { input = 1.0 }\n')

        assert load_prices(path) == {"gpt-6.2-sol": {"default": ModelPrice(2.0), "flex": ModelPrice(1.0)}}

    @pytest.mark.parametrize(("version", "parser"), [((3, 10, 0), "tomli"), ((3, 11, 0), "tomllib")])
    def test_without_a_toml_parser_the_error_says_what_helps(
        self, version: tuple[int, ...], parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "prices.toml"
        path.write_text("")
        monkeypatch.setattr(sys, "version_info", version)
        monkeypatch.setitem(sys.modules, parser, None)

        with pytest.raises(ValueError, match=r"TOML needs Python 3\.11 or the package tomli; JSON needs"):
            load_prices(path)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            (
                "prices.yaml",
                "",
                r"^prices is '.*prices\.yaml': expected the path of a \.json or \.toml file$",
            ),
            ("prices.json", "{", r"^prices: cannot read .*prices\.json: Expecting property name"),
            ("prices.json", "\xff", r"^prices: cannot read .*prices\.json: 'utf-8' codec"),
            ("prices.json", "[]", r"^prices in .*prices\.json is \[\]: expected a mapping$"),
            ("prices.json", '{"m": {"input": NaN}}', r"^prices in .*prices\.json: m: input is nan: expected"),
        ],
    )
    def test_an_unusable_file(self, name: str, content: str, message: str, tmp_path: Path) -> None:
        path = tmp_path / name
        path.write_bytes(content.encode("latin-1"))

        with pytest.raises(ValueError, match=message):
            load_prices(path)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"^prices: cannot read .*nope\.json: .*No such file"):
            load_prices(tmp_path / "nope.json")

    def test_a_bad_price(self) -> None:
        with pytest.raises(ValueError, match=r"^prices: gpt-4o: cache_read is -1: expected USD"):
            load_prices({"gpt-4o": {"input": 1, "cache_read": -1}})


class TestImport:
    @needs_table
    def test_the_table_is_imported_when_a_price_is_first_needed(self) -> None:
        code = """
import sys
from datetime import datetime
from otel_promptcache.own_prices import load_prices
from otel_promptcache.prices import Prices
own = Prices(load_prices({"m": {"input": 1}}))
assert own.resolve("openai", "m", None, datetime(2026, 11, 20)) is not None
assert "genai_prices" not in sys.modules
assert own.resolve("openai", "gpt-4o", None, datetime(2026, 11, 20)) is not None
assert "genai_prices" in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})

    def test_without_it_only_own_prices_are_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
        module._snapshot_getter.cache_clear()
        try:
            assert Prices(OWN).resolve("openai", "gpt-5", None, NOW) is None
            assert Prices(OWN).resolve("openai", "gpt-4o", None, NOW) == ModelPrice(1.0)
        finally:
            module._snapshot_getter.cache_clear()
