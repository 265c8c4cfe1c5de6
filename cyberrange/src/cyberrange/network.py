"""Who can talk to whom: zones, rules between them, and isolation, which cuts a host off from all others."""

from cyberrange.bank import Bank, Host
from cyberrange.data import load

SMB, RDP, RPC, WINRM, HTTPS, DIRECTORY = "smb", "rdp", "rpc", "winrm", "https", "directory"
PORTS = {SMB: 445, RDP: 3389, RPC: 135, WINRM: 5985, HTTPS: 443, DIRECTORY: 389}
VPN_ZONE = "vpn"


class Network:
    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._isolated: set[str] = set()
        branches: list[str] = load("network")["branches"]
        self._allowed: dict[tuple[str, str], set[str]] = {}
        for rule in load("network")["rules"]:
            for source in self._expand(rule["from"], branches):
                targets = [source] if rule["to"] == ["same"] else self._expand(rule["to"], branches)
                for target in targets:
                    self._allowed.setdefault((source, target), set()).update(rule["services"])

    def _expand(self, zones: list[str], branches: list[str]) -> list[str]:
        if zones == ["all"]:
            return list(self._bank.zones)
        return [zone for name in zones for zone in (branches if name == "branches" else [name])]

    def isolate(self, host: str) -> None:
        self._isolated.add(host)

    def release(self, host: str) -> None:
        self._isolated.discard(host)

    def isolated(self, host: str) -> bool:
        return host in self._isolated

    def connects(self, source: Host, target: Host, service: str) -> bool:
        """Whether a connection between two hosts of the bank comes about."""
        if source.name == target.name:
            return True
        if source.name in self._isolated or target.name in self._isolated:
            return False
        return service in self._allowed.get((source.zone, target.zone), ())

    def reaches(self, source: Host, target: Host) -> bool:
        """Whether any service of the target answers the source."""
        return any(self.connects(source, target, service) for service in PORTS)

    def from_vpn(self, target: Host, service: str) -> bool:
        """Whether a client in the VPN's address pool gets through; it needs the VPN gateway to be on the network."""
        gateways = self._bank.role("vpn-gateway")
        if target.name in self._isolated or all(gateway.name in self._isolated for gateway in gateways):
            return False
        return service in self._allowed.get((VPN_ZONE, target.zone), ())

    def internet(self, host: Host) -> bool:
        return host.name not in self._isolated and host.zone in self._bank.internet
