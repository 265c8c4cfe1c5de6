"""A real identity provider (tools/identity-provider, a certified one) and a person with a browser."""

import re
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

import orjson
import requests
from joserfc.jwk import RSAKey

_FOLDER = Path(__file__).parents[1] / "tools" / "identity-provider"
CALLBACK = "http://127.0.0.1/callback"


class IdentityProvider:
    """It listens on a port of its own; its signing keys can be replaced."""

    def __init__(self, folder: Path) -> None:
        """Raises FileNotFoundError where it is not installed."""
        if not (_FOLDER / "node_modules" / "oidc-provider").is_dir():
            raise FileNotFoundError("the identity provider for tests is not installed: run tools/install-services")
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[str] | None = None
        self.start("first")

    def start(self, *keys: str) -> None:
        """Start, or start again, with these signing keys; what it knew of sessions is gone."""
        self.stop()
        command = ["node", str(_FOLDER / "provider.mjs"), str(self._port), *map(str, self._made(keys))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.issuer

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def key(self, name: str) -> RSAKey:
        """A signing key of its own, to forge tokens with."""
        return RSAKey.import_key(orjson.loads(self._made([name])[0].read_bytes()))

    def _made(self, names: Sequence[str]) -> list[Path]:
        paths = [self._folder / f"{name}.jwk" for name in names]
        for path in paths:
            if not path.exists():
                made = RSAKey.generate_key(2048, {"kid": path.stem, "use": "sig", "alg": "RS256"}, private=True)
                path.write_bytes(orjson.dumps(made.as_dict(private=True)))
        return paths


class Browser:
    """A person who signs in as ``login``: with cookies, forms and redirects, as browsers do."""

    def __init__(self, login: str) -> None:
        self._login = login
        self._session = requests.Session()

    def sign_in(self, url: str) -> str:
        """Go there, sign in, consent; returns the URL at which the browser comes back to the application."""
        page = self._session.get(url, allow_redirects=False)
        for _ in range(20):
            if page.is_redirect:
                url = urljoin(url, page.headers["location"])
                if url.startswith(CALLBACK):
                    return url
                page = self._session.get(url, allow_redirects=False)
            else:
                url, page = self._submit(url, page.text)
        raise AssertionError("the provider did not send the browser back")

    def confirm(self, url: str) -> None:
        """Go to the page of a device sign-in with its code in it, confirm, sign in, consent."""
        page = self._session.get(url, allow_redirects=False)
        for _ in range(20):
            if page.is_redirect:
                url = urljoin(url, page.headers["location"])
                page = self._session.get(url, allow_redirects=False)
            elif "<form" in page.text:
                url, page = self._submit(url, page.text)
            else:
                assert page.ok, page.text
                return
        raise AssertionError("the provider did not come to an end")

    def _submit(self, url: str, html: str) -> tuple[str, requests.Response]:
        action = re.search(r'action="([^"]+)"', html)
        assert action, html
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
        if 'name="login"' in html:
            fields |= {"login": self._login, "password": "any"}
        if 'name="confirm"' in html:
            fields["confirm"] = "yes"
        target = urljoin(url, action[1])
        return target, self._session.post(target, data=fields, allow_redirects=False)
