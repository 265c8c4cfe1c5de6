"""Access: who is asking, and with which secrets we know it.

``secrets.Secrets.embedded(home)`` keeps 32 random bytes per institution and purpose; ``provision`` makes them
and ``key`` reads them. ``keys`` issues, authenticates,
lists and revokes service keys: a key goes in, a ``Principal`` comes out. ``policy`` decides what a principal may do.
"""

from sakimori.access import keys, secrets
from sakimori.access.principal import Principal

__all__ = ["Principal", "keys", "secrets"]
