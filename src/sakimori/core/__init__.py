"""What every room needs and nothing of the domain: errors, clock, settings, text that is safe to show.

No I/O besides reading the environment.
"""

from sakimori.core.address import addresses_of
from sakimori.core.clock import Clock, ManualClock, Nanos, SystemClock, parse_rfc3339, rfc3339
from sakimori.core.errors import ExitCode, InputError, SakimoriError
from sakimori.core.settings import LOCAL_TENANT, Settings, unfit_tenant
from sakimori.core.text import composed, plain

__all__ = [
    "LOCAL_TENANT",
    "Clock",
    "ExitCode",
    "InputError",
    "ManualClock",
    "Nanos",
    "SakimoriError",
    "Settings",
    "SystemClock",
    "addresses_of",
    "composed",
    "parse_rfc3339",
    "plain",
    "rfc3339",
    "unfit_tenant",
]
