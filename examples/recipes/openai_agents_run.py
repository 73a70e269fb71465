"""openai-agents: an agent with a tool. Its own tracing goes to OpenAI and is switched off here.

opentelemetry-instrument python openai_agents_run.py
"""

from agents import Agent, Runner, function_tool, set_tracing_disabled

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150


@function_tool
def order_status(number: int) -> str:
    """Say where an order is."""
    return f"Order {number} is on its way."


set_tracing_disabled(disabled=True)
agent = Agent(name="orders", instructions=INSTRUCTIONS, model="gpt-5.4", tools=[order_status])

for question in ("Can I return it?", "Who pays the postage?"):
    with prefix("order-agent"):
        print(Runner.run_sync(agent, question).final_output)
