"""Access: who is asking, with which secrets we know it, and what they may do.

``secrets.Secrets.embedded(home)`` keeps 32 random bytes per institution and purpose, wrapped by a master key.
``keys`` issues, rotates, lists and revokes service keys, ``people`` knows an institution's people; ``Directory``
recognises both: a key or an identity goes in, a ``Principal`` or a person comes out, in every process within a second
of a change. ``oidc`` signs people in at their institution's provider (``sign_in``), ``session`` keeps who did.
``rights`` answers what a principal may do, ``policy`` is the engine behind it. ``sshsig`` checks people's signatures.
"""

from sakimori.access import keys, people, secrets
from sakimori.access.directory import Directory
from sakimori.access.principal import Principal, Role

__all__ = ["Directory", "Principal", "Role", "keys", "people", "secrets"]
