"""What Sakimori uses of Authlib 1.9, which has no hints."""

from typing import Any

from requests import Session

class OAuth2Session(Session):
    def __init__(
        self,
        client_id: str,
        *,
        scope: str | None = None,
        redirect_uri: str | None = None,
        code_challenge_method: str | None = None,
        default_timeout: float | None = None,
    ) -> None: ...
    def create_authorization_url(
        self, url: str, state: str | None = None, code_verifier: str | None = None, *, nonce: str
    ) -> tuple[str, str]: ...
    def fetch_token(
        self,
        url: str,
        *,
        grant_type: str | None = None,
        authorization_response: str | None = None,
        state: str | None = None,
        code_verifier: str | None = None,
        device_code: str | None = None,
        allow_redirects: bool = True,
    ) -> dict[str, Any]: ...
    def refresh_token(self, url: str, refresh_token: str, *, allow_redirects: bool = True) -> dict[str, Any]: ...
