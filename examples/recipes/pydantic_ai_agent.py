"""pydantic-ai: its OpenAI models are built on the SDK. Its own spans, if switched on, are not changed.

opentelemetry-instrument python pydantic_ai_agent.py
"""

from pydantic_ai import Agent

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

agent = Agent("openai-responses:gpt-5.4", instructions=INSTRUCTIONS)

for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        print(agent.run_sync(question).output)
