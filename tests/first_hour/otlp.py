"""A real receiver of OTLP on loopback: both protocols, with both signals over each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc

from tests.reliability.test_export import Receiver

PROTOCOLS = ("http/protobuf", "grpc")


@contextmanager
def receiving(protocol: str) -> Iterator[tuple[str, Receiver]]:
    """Receive for as long as the block runs; yield the value of OTEL_EXPORTER_OTLP_ENDPOINT and what arrives."""
    with Receiver() as receiver:
        if protocol == "grpc":
            server = grpc.server(ThreadPoolExecutor(2))
            traces_grpc.add_TraceServiceServicer_to_server(_Traces(receiver), server)
            metrics_grpc.add_MetricsServiceServicer_to_server(_Metrics(receiver), server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                yield f"http://127.0.0.1:{port}", receiver
            finally:
                server.stop(None).wait()
            return
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{receiver.server_port}", receiver
        finally:
            receiver.shutdown()
            thread.join()


class _Traces(traces_grpc.TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._received = receiver.received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # as the service has it
        self._received.append(("traces", request.SerializeToString()))
        return traces.ExportTraceServiceResponse()


class _Metrics(metrics_grpc.MetricsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._received = receiver.received

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802  # likewise
        self._received.append(("metrics", request.SerializeToString()))
        return metrics.ExportMetricsServiceResponse()
