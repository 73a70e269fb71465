"""Servers, workers, functions and notebooks: every process reports under its own id, and nothing is lost at its end."""

from __future__ import annotations

import json
import os
from urllib.parse import quote

from .running import FOLDER, ROOT, Recipes, fetched, free_port

QUESTIONS = [f"Where is order {number}?" for number in range(6)]
_CALL_LAMBDA = """
import json, sys, os
import lambda_handler
answers = [lambda_handler.handler({"question": question}, None) for question in json.loads(sys.argv[1])]
print(json.dumps([answer["statusCode"] for answer in answers]), flush=True)
os._exit(0)  # a function's process is frozen, not ended: no exit handler runs
"""
_CALL_CELERY = """
import json, sys
from queue_app import answer
waiting = [answer.delay(question) for question in json.loads(sys.argv[1])]
print(json.dumps([bool(result.get(timeout=60)) for result in waiting]))
"""
_RUN_CELLS = """
import re, sys
import nbformat
from nbclient import NotebookClient
cells = re.split(r"^# %%.*$", open(sys.argv[1]).read(), flags=re.MULTILINE)[1:]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""


def test_fastapi_with_uvicorn_workers(recipes: Recipes) -> None:
    port = free_port()
    command = ("uvicorn", "fastapi_app:app", "--host", "127.0.0.1", "--port", str(port), "--workers", "2")
    with recipes.running(*command):
        for question in QUESTIONS:
            assert fetched(f"http://127.0.0.1:{port}/answer?question={quote(question)}")
    assert recipes.receiver.requests() == {"order-questions": len(QUESTIONS)}
    assert len(recipes.receiver.spans()) == len(QUESTIONS)
    assert "None" not in recipes.receiver.instances()


def test_gunicorn(recipes: Recipes) -> None:
    port = free_port()
    served = "tests.stack.served:wsgi"
    config = ROOT / "examples" / "workers" / "gunicorn.conf.py"
    command = ("gunicorn", "--config", str(config), "--bind", f"127.0.0.1:{port}", "--workers", "2", served)
    paths = os.pathsep.join(map(str, (ROOT, config.parent)))
    with recipes.running(*command, PYTHONPATH=paths, TEST_PROVIDER=recipes.provider.base_url):
        for _ in QUESTIONS:
            fetched(f"http://127.0.0.1:{port}/")
    assert recipes.receiver.requests() == {"worker": len(QUESTIONS)}


def test_celery_with_prefork_workers(recipes: Recipes) -> None:
    # A file-based queue instead of a broker's.
    names = ("data_folder_in", "data_folder_out", "control_folder")
    folders = dict.fromkeys(names, str(recipes.folder))
    (recipes.folder / "queue_app.py").write_text(
        f"from celery_app import app, answer\napp.conf.broker_transport_options = {folders}\n"
    )
    queue = {
        "CELERY_BROKER_URL": "filesystem://",
        "CELERY_RESULT_BACKEND": f"file://{recipes.folder}",
        "PYTHONPATH": os.pathsep.join((str(FOLDER), str(recipes.folder))),
    }
    with recipes.running("celery", "--app", "queue_app", "worker", "--concurrency", "2", **queue):
        done = recipes.run("python", "-c", _CALL_CELERY, json.dumps(QUESTIONS), **queue)
    assert json.loads(done) == [True] * len(QUESTIONS)
    assert recipes.receiver.requests() == {"order-questions": len(QUESTIONS)}


def test_a_function_that_is_frozen_after_each_call(recipes: Recipes) -> None:
    done = recipes.run("python", "-c", _CALL_LAMBDA, json.dumps(QUESTIONS))
    assert json.loads(done) == [200] * len(QUESTIONS)
    assert recipes.receiver.requests() == {"order-questions": len(QUESTIONS)}
    assert [span["promptcache.result"] for span in recipes.receiver.spans()] == ["miss", *["hit"] * 5]


def test_a_notebook(recipes: Recipes) -> None:
    shown = recipes.run("python", "-c", _RUN_CELLS, str(FOLDER / "notebook.py")).splitlines()
    assert [line.partition(":")[0] for line in shown if line] == ["miss", "hit"]
