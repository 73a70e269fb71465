"""Each client and framework reports through the recipe without a line of code for the telemetry."""

from __future__ import annotations

import pytest

from otel_promptcache.sim import SimConfig

from .running import ROOT, Recipes

INSTRUMENTED = ("opentelemetry-instrument", "python")
OPENAI = [
    "openai_chat_stream.py",
    "langchain_chat.py",
    "pydantic_ai_agent.py",
    "openai_agents_run.py",
]


def assert_second_is_a_hit(recipes: Recipes, provider: str, name: str = "order-questions") -> None:
    first, second = recipes.receiver.spans()
    assert (first["promptcache.result"], second["promptcache.result"]) == ("miss", "hit")
    assert first["promptcache.miss.reason"] == "cold_start"
    assert first["promptcache.prefix.fingerprint"] == second["promptcache.prefix.fingerprint"]
    assert second["gen_ai.usage.cache_read.input_tokens"] > 1_024
    assert {span["gen_ai.provider.name"] for span in (first, second)} == {provider}
    assert recipes.receiver.requests() == {name: 2}


@pytest.mark.parametrize("recipe", OPENAI)
def test_on_the_openai_sdk(recipe: str, recipes: Recipes) -> None:
    recipes.run(*INSTRUMENTED, recipe)
    assert_second_is_a_hit(
        recipes, "openai", "order-agent" if recipe == "openai_agents_run.py" else "order-questions"
    )


def test_azure(recipes: Recipes) -> None:
    recipes.run(
        *INSTRUMENTED,
        "azure_chat.py",
        OPENAI_BASE_URL="",
        OPENAI_API_KEY="",
        AZURE_OPENAI_ENDPOINT=recipes.provider.url,
        AZURE_OPENAI_API_KEY="key",
    )
    assert_second_is_a_hit(recipes, "azure.ai.openai")


def test_anthropic(recipes: Recipes) -> None:
    recipes.run(
        *INSTRUMENTED,
        "anthropic_messages.py",
        ANTHROPIC_BASE_URL=recipes.provider.url,
        ANTHROPIC_API_KEY="key",
    )
    assert_second_is_a_hit(recipes, "anthropic")


def test_litellm(recipes: Recipes) -> None:
    """In the environment of the tests: LiteLLM needs older releases than the frameworks do."""
    scripts = ROOT / ".venv" / "bin"
    recipes.run(
        str(scripts / "opentelemetry-instrument"),
        str(scripts / "python"),
        "litellm_completion.py",
        ANTHROPIC_API_BASE=recipes.provider.url,
        ANTHROPIC_API_KEY="key",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    assert_second_is_a_hit(recipes, "anthropic")


class TestVllm:
    @pytest.fixture
    def config(self) -> SimConfig:
        return SimConfig(server="vllm", cache_report=True)

    def test_named_by_its_host(self, recipes: Recipes) -> None:
        host = recipes.provider.url.removeprefix("http://")
        recipes.run(*INSTRUMENTED, "vllm_chat.py", OTEL_PYTHON_PROMPTCACHE_HOSTS=f'{{"{host}": "vllm"}}')
        assert_second_is_a_hit(recipes, "vllm")
