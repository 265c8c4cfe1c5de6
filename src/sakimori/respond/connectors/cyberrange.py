"""The cyber range's defence plane: HTTP and JSON on loopback, with a bearer token from a file."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from sakimori.core import InputError, Nanos
from sakimori.records import Action, Command, Effect, Entity, Inventory, from_plain, parse_object
from sakimori.respond.connectors import ConnectorRefused, ConnectorUnreachable
from sakimori.respond.connectors.settings import CyberrangeSettings
from sakimori.respond.playbook import target_type

_MOST_ANSWER = 32_000_000
"""Bytes of an answer that are read."""
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_PLACES = {
    Command.ISOLATE_HOST: ("hosts", "isolate"),
    Command.RELEASE_HOST: ("hosts", "release"),
    Command.DISABLE_ACCOUNT: ("accounts", "disable"),
    Command.ENABLE_ACCOUNT: ("accounts", "enable"),
}
_OBSERVED = {
    Command.ISOLATE_HOST: ("isolated", True),
    Command.RELEASE_HOST: ("isolated", False),
    Command.DISABLE_ACCOUNT: ("enabled", False),
    Command.ENABLE_ACCOUNT: ("enabled", True),
}


class CyberRange:
    """Contains hosts and accounts of the simulated bank, and reads its inventory."""

    def __init__(self, settings: CyberrangeSettings) -> None:
        """Raises InputError where the URL is not http(s)://HOST[:PORT]."""
        self.name = settings.name
        url = URL(settings.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise InputError(f"connector {settings.name}: url '{settings.url}' is not http://HOST:PORT")
        self._origin = url.origin()
        self._token_file = settings.token_file

    def reaches(self, command: Command, target: Entity) -> bool:
        """Everything in the range, by names that can stand in a path."""
        return target.type is target_type(command) and _path_name(target.value) is not None

    async def apply(self, action: Action, *, key: str) -> str:
        kind, verb = _PLACES[action.command]
        await self._ask("POST", f"/v1/{kind}/{self._name(action)}/{verb}", key=key)
        return f"The range did {action.command.value.replace('_', ' ')}: {action.target.value}."

    async def observe(self, action: Action) -> Effect:
        kind, _ = _PLACES[action.command]
        member, wanted = _OBSERVED[action.command]
        try:
            state = (await self._ask("GET", f"/v1/{kind}/{self._name(action)}")).get(member)
        except (ConnectorRefused, ConnectorUnreachable):
            return Effect.UNKNOWN
        if not isinstance(state, bool):
            return Effect.UNKNOWN
        return Effect.APPLIED if state is wanted else Effect.ABSENT

    async def inventory(self, *, tenant: str, now: Nanos) -> Inventory:
        """The simulated bank's own inventory and directory.

        Raises:
            ConnectorRefused, ConnectorUnreachable: no usable answer.
        """
        plain = await self._ask("GET", "/v1/inventory")
        try:
            return from_plain(Inventory, {**plain, "tenant": tenant, "taken_at": now})
        except InputError as error:
            raise ConnectorUnreachable(f"connector {self.name}: the inventory cannot be read: {error}") from error

    async def reachable(self, source: str, target: str) -> bool:
        """Whether one host can reach another right now: a real attempt inside the simulation.

        Raises:
            ConnectorRefused, ConnectorUnreachable: no usable answer.
        """
        answer = await self._ask("GET", f"/v1/reach?from={quote(source, safe='')}&to={quote(target, safe='')}")
        if not isinstance(reachable := answer.get("reachable"), bool):
            raise ConnectorUnreachable(f"connector {self.name}: /v1/reach did not say 'reachable'")
        return reachable

    def _name(self, action: Action) -> str:
        name = _path_name(action.target.value)
        if name is None or not self.reaches(action.command, action.target):
            raise ConnectorRefused(f"connector {self.name} cannot do {action.command} to a {action.target.type}")
        return name

    async def _ask(self, method: str, path: str, *, key: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {_token(self._token_file)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        url = URL(f"{self._origin}{path}", encoded=True)
        where = f"connector {self.name}: {method} {path.partition('?')[0]}"
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session,
                session.request(method, url, allow_redirects=False) as response,
            ):
                status = response.status
                body = bytearray()
                async for piece in response.content.iter_chunked(65536):
                    body += piece
                    if len(body) > _MOST_ANSWER:
                        raise ConnectorUnreachable(f"{where}: the answer is longer than {_MOST_ANSWER} bytes")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectorUnreachable(f"{where}: no answer; is the range still running?") from error
        if 400 <= status < 500:
            raise ConnectorRefused(f"{where}: refused with HTTP status {status}")
        if status != 200:
            raise ConnectorUnreachable(f"{where}: HTTP status {status}")
        try:
            return parse_object(bytes(body), what="answer")
        except InputError as error:
            raise ConnectorUnreachable(f"{where}: what came back is not a JSON object") from error


def _path_name(name: str) -> str | None:
    """A name as one segment of a URL path; None where it cannot be one."""
    if not name or name in (".", "..") or any(ord(character) < 32 for character in name):
        return None
    return quote(name, safe="")


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectorRefused(f"{path}: the token cannot be read: {type(error).__name__}") from error
    if not token.isprintable() or not token:
        raise ConnectorRefused(f"{path}: the file holds no token")
    return token
