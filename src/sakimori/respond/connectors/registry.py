"""Making connectors from their settings."""

from sakimori.respond.connectors import Connector
from sakimori.respond.connectors.cyberrange import CyberRange
from sakimori.respond.connectors.nftables import Nftables
from sakimori.respond.connectors.settings import ConnectorSettings


def connect(settings: ConnectorSettings) -> tuple[Connector, ...]:
    """The connectors, contacting nobody yet. Raises InputError where a setting makes no sense."""
    return (
        *(CyberRange(item) for item in settings.cyberrange),
        *(Nftables(item) for item in settings.nftables),
    )
