"""Imports what an application needs, which takes seconds, and forks an application for each request.

Its argument is the file descriptor of a socket. A message there carries the arguments of an application, with its
three streams, or the process id of one to wait for. The forked processes start uninstrumented.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

import anthropic.resources.messages
import openai.resources.chat
import openai.resources.responses
import redis

from otel_promptcache.fleet.stores import redis_store, sqlite_store
from tests.stack import fleet_program
from tests.stack.applications import MOST_BYTES

IMPORTED = (
    anthropic.resources.messages, openai.resources.chat, openai.resources.responses, redis, redis_store, sqlite_store,
)  # fmt: skip


def main() -> None:
    """Serve until the socket is closed."""
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        while True:
            message, streams, _, _ = socket.recv_fds(ours, MOST_BYTES, 3)
            if not message:
                return
            request: Any = json.loads(message)
            if isinstance(request, int):
                answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
            else:
                answer = os.fork()
                if not answer:
                    break
            for stream in streams:
                os.close(stream)
            ours.send(json.dumps(answer).encode())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    fleet_program.main(*request)


if __name__ == "__main__":
    main()
