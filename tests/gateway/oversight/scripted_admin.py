"""A provider's administrative API that says what a test tells it to, on loopback. Test code."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web
from tests.loopback import served

ADMIN_KEY, KEY = "sk-admin-scripted", "sk-proj-scripted"


def entry(id: str, at: int, type: str = "api_key.created", **more: Any) -> dict[str, Any]:
    """One of the audit log, as the SDK's AuditLogListResponse has it."""
    user = {"id": "user-1", "email": "sato@aozora.example"}
    session = {"ip_address": "203.0.113.9", "user": user}
    actor = {"type": "session", "session": session}
    return {"id": id, "effective_at": at, "type": type, "actor": actor, "project": {"id": "proj_1"}, **more}


def alert(id: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "object": "safety.alert",
        "created_at": at,
        "error_type": "potentially_unintended_destructive_activity",
        "model": "gpt-5",
        "reason": "The model may have deleted files of 山田 太郎.",
        "request_id": "req_1",
        "request_paused": True,
        "response_id": "resp_1",
        **more,
    }


def case(id: str, at: int, notice: str = "warning") -> dict[str, Any]:
    return {
        "id": id,
        "object": "safety.case",
        "created_at": at,
        "entity_identifier": "a" * 64,
        "notice": {"type": notice},
        "reason": "free text",
    }


@dataclass
class Admin:
    url: str = ""
    log: list[Any] = field(default_factory=list[Any])
    """Entries, in the order in which pages give them."""
    tenant_log: list[Any] = field(default_factory=list[Any])
    """Those of what the organisation belongs to, which are listed apart."""
    things: dict[str, Any] = field(default_factory=dict[str, Any])
    """Alerts and cases by path."""
    page: int = 2
    status: int = 200
    fail_at: int | None = None
    """Which request, counted from 0, fails."""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    asked: list[web.Request] = field(default_factory=list[web.Request])

    async def handle(self, request: web.Request) -> web.Response:
        number = len(self.asked)
        self.asked.append(request)
        if number == self.fail_at:
            return web.Response(status=500)
        if self.status != 200 or self.body is not None:
            return web.Response(status=self.status, body=self.body or b"", headers=self.headers)
        path = request.path.removeprefix("/v1/")
        if path == "organization/audit_logs":
            assert request.headers["authorization"] == f"Bearer {ADMIN_KEY}"
            return web.json_response(self._page(request))
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if path in self.things:
            return web.json_response(self.things[path])
        return web.json_response({"error": {"message": "no such thing"}}, status=404)

    def _page(self, request: web.Request) -> dict[str, Any]:
        since = int(request.query["effective_at[gte]"])
        log = self.tenant_log if request.query.get("tenant_only") == "true" else self.log
        found = [item for item in log if _effective(item, since) >= since]
        start = int(request.query.get("after", "0"))
        end = start + self.page
        return {"object": "list", "data": found[start:end], "has_more": end < len(found), "last_id": str(end)}


def _effective(item: Any, since: int) -> int:
    at: Any = cast("dict[str, Any]", item).get("effective_at") if isinstance(item, dict) else None
    return at if type(at) is int else since


@contextmanager
def serving() -> Generator[Admin]:
    made = Admin()
    app = web.Application()
    app.router.add_get("/v1/{path:.*}", made.handle)
    with served(app) as url:
        made.url = f"{url}/v1"
        yield made
