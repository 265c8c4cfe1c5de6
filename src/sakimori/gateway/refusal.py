"""What a client is told when its call is not made or has no answer: one sentence, in OpenAI's error shape."""

from typing import Any


class Refusal(Exception):
    """A call that ends here. ``code`` is ours and stable; ``message`` never quotes what the client sent as content."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        may_retry: bool = False,
    ) -> None:
        """``param``: the field, as OpenAI writes paths; ``retry_after``: seconds; ``may_retry``: the same call may work
        later, so a client's own retries make sense."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.may_retry = may_retry
        self.model = ""
        """Of the call, as the grants name it, once that is known; empty until then. The same for ``purpose``."""
        self.purpose = ""

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": _type(self.status), "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """``x-should-retry`` is what OpenAI's clients obey."""
        headers = {"x-should-retry": "true" if self.may_retry else "false"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers


def _type(status: int) -> str:
    if status >= 500:
        return "server_error"
    return {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status, "invalid_request_error"
    )


def refused_field(param: str, reason: str) -> Refusal:
    """A field that OpenAI knows and this gateway does not let through."""
    return Refusal(400, "unsupported_parameter", f"'{param}' is refused by the gateway: {reason}.", param=param)
