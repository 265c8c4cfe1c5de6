"""The programme: which institutions belong to it, with their people, keys and grants.

``GrantsFile.read(path)`` takes a file apart and lists every mistake in it; ``Programme.plan`` compares it with what
there is, ``Programme.apply`` carries a plan out, each institution in one transaction with its ledger entries.
"""

from sakimori.programme.apply import Issued, Plan, Programme
from sakimori.programme.change import Change
from sakimori.programme.file import FileMistakes, GrantsFile, Institution
from sakimori.programme.granting import Granting

__all__ = ["Change", "FileMistakes", "Granting", "GrantsFile", "Institution", "Issued", "Plan", "Programme"]
