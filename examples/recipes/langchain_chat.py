"""LangChain: `langchain-openai` is built on the SDK, so there is nothing to configure.

opentelemetry-instrument python langchain_chat.py
"""

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

prompt = ChatPromptTemplate([("system", INSTRUCTIONS), ("user", "{question}")])
chain = prompt | ChatOpenAI(model="gpt-5.4")

for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        print(chain.invoke({"question": question}).text)
