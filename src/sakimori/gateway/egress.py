"""The ways past the gateway, as data: domains to block, as firewalls read them, and configuration of clients."""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, cast

import yaml

CLIENTS = ("codex-config.toml", "codex-requirements.toml", "environment.sh", "vscode-policy.json")


def blocklist(form: str) -> str:
    """The domains in one of ``FORMS``, each to be blocked with all below it (where the form can say so)."""
    text = files("sakimori.content").joinpath("egress", "blocklist.yaml").read_text("utf-8")
    return FORMS[form](cast("dict[str, Any]", yaml.safe_load(text)))


def client_configuration(name: str, base_url: str) -> str:
    """One of ``CLIENTS``, for a gateway at this base URL."""
    text = files("sakimori.content").joinpath("clients", name).read_text("utf-8")
    return text.replace("{base_url}", base_url)


def _domains(plain: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Domain, vendor and kind, in order of the file."""
    return [(domain, vendor["name"], kind) for vendor in plain["vendors"] for domain, kind in vendor["domains"].items()]


def _head(plain: Mapping[str, Any], comment: str) -> str:
    return f"{comment} Ways to models past the gateway, checked {plain['checked']}, {plain['licence']}\n"


def _hosts(plain: Mapping[str, Any]) -> str:
    """A hosts file knows no subdomains: where you can choose, take another form."""
    return _head(plain, "#") + "".join(f"0.0.0.0 {domain}\n0.0.0.0 www.{domain}\n" for domain, _, _ in _domains(plain))


def _squid(plain: Mapping[str, Any]) -> str:
    """For ``acl models dstdomain "FILE"``; in Squid a leading dot means the domain and all below it."""
    return _head(plain, "#") + "".join(f".{domain}\n" for domain, _, _ in _domains(plain))


def _rpz(plain: Mapping[str, Any]) -> str:
    """A response policy zone (draft-vixie-dnsop-dns-rpz): ``CNAME .`` answers NXDOMAIN."""
    serial = str(plain["checked"]).replace("-", "") + "00"
    zone = f"$TTL 300\n@ SOA localhost. hostmaster.localhost. {serial} 3600 600 86400 300\n@ NS localhost.\n"
    records = "".join(f"{domain} CNAME .\n*.{domain} CNAME .\n" for domain, _, _ in _domains(plain))
    return _head(plain, ";") + zone + records


def _json(plain: Mapping[str, Any]) -> str:
    return json.dumps({**plain, "checked": str(plain["checked"])}, ensure_ascii=False, indent=2) + "\n"


FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"hosts": _hosts, "squid": _squid, "rpz": _rpz, "json": _json}
