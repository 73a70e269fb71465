"""Errors in the API's format."""

from __future__ import annotations

from otel_promptcache.sim.http.wire import JsonObject


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status_code: HTTP status.
        message: For humans.
        type: Kind of error, such as `invalid_request_error`.
        param: The request field that caused it, as a path. None: no single one.
        code: For machines, such as `unsupported_parameter`. None: not given.
        headers: Extra response headers.
    """

    def __init__(
        self,
        status_code: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002  # the name in the API
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.headers = headers or {}

    def body(self) -> JsonObject:
        """Return the error envelope."""
        return {
            "error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code},
        }


def missing_parameter(param: str) -> ApiError:
    """Return the 400 for a required field that is missing."""
    return ApiError(
        400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def unknown_parameter(param: str) -> ApiError:
    """Return the 400 for a field the endpoint does not have."""
    return ApiError(400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def unsupported_parameter(param: str, model: str) -> ApiError:
    """Return the 400 for a field the model does not support."""
    message = f"Unsupported parameter: '{param}' is not supported with this model ({model})."
    return ApiError(400, message, param=param, code="unsupported_parameter")


def invalid_value(param: str, value: object, allowed: tuple[str, ...]) -> ApiError:
    """Return the 400 for a value that is not allowed."""
    supported = " and ".join(f"'{one}'" for one in allowed)
    message = f"Invalid value: {value!r}. Supported values are: {supported}."
    return ApiError(400, message, param=param, code="invalid_value")


def invalid_type(param: str, expected: str) -> ApiError:
    """Return the 400 for a value of the wrong JSON type."""
    message = f"Invalid type for '{param}': expected {expected}."
    return ApiError(400, message, param=param, code="invalid_type")


def server_error(headers: dict[str, str] | None = None) -> ApiError:
    """Return the 500 of a failing provider."""
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(500, message, type="server_error", headers=headers)
