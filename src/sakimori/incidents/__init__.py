"""Incidents: findings in, incidents out; the ones known before are extended. Pure: no clock, no store.

``group(findings, known)`` answers the whole state after: every incident of ``known``, extended or not, and the new
ones. Hand in the new findings together with those of the last ``HORIZON``: an older finding can no longer join a newer
one, and a finding that is handed in again changes nothing.
"""

from sakimori.incidents.grouping import group
from sakimori.incidents.links import HORIZON

__all__ = ["HORIZON", "group"]
