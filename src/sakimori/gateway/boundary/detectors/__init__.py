"""Detectors: a folded text in, claims about it out.

A detector is a pure function of one text in linear time; its file says what it finds and by which standard. ``RULES``
are all that need nothing of an institution. An error in any of them means that nothing is sent (see ``passage``).

``names`` (people, firms, where they are), ``systems`` (machines, accounts, secrets), ``numbers`` and ``labels`` detect;
``words`` knows words and judges runs and names of fields for them, ``search`` finds where their patterns can match.
"""

from sakimori.gateway.boundary.detectors.detector import Detector
from sakimori.gateway.boundary.detectors.encoded import encoded_detector
from sakimori.gateway.boundary.detectors.labels.columns import detect_columns
from sakimori.gateway.boundary.detectors.labels.labelled import detect_labelled
from sakimori.gateway.boundary.detectors.names.addresses import detect_english_addresses, detect_japanese_addresses
from sakimori.gateway.boundary.detectors.names.english import detect_english_names
from sakimori.gateway.boundary.detectors.names.in_passing import detect_in_passing
from sakimori.gateway.boundary.detectors.names.japanese import detect_japanese_names
from sakimori.gateway.boundary.detectors.names.letterheads import detect_letterheads
from sakimori.gateway.boundary.detectors.names.speakers import detect_speakers
from sakimori.gateway.boundary.detectors.numbers.banking import (
    detect_accounts,
    detect_bics,
    detect_corporate_numbers,
    detect_ibans,
)
from sakimori.gateway.boundary.detectors.numbers.card_details import detect_card_details
from sakimori.gateway.boundary.detectors.numbers.check_digits import detect_numbers
from sakimori.gateway.boundary.detectors.numbers.dates import detect_dates
from sakimori.gateway.boundary.detectors.numbers.given_numbers import detect_given_numbers
from sakimori.gateway.boundary.detectors.numbers.identities import detect_identities
from sakimori.gateway.boundary.detectors.numbers.phones import detect_phones
from sakimori.gateway.boundary.detectors.numbers.swift import detect_swift
from sakimori.gateway.boundary.detectors.numbers.wallets import detect_wallets
from sakimori.gateway.boundary.detectors.systems.connections import detect_connections
from sakimori.gateway.boundary.detectors.systems.machines import detect_machines
from sakimori.gateway.boundary.detectors.systems.network import detect_ipv4, detect_ipv6, detect_mail
from sakimori.gateway.boundary.detectors.systems.runs import detect_runs
from sakimori.gateway.boundary.detectors.systems.secrets import detect_fields, detect_key_forms, detect_private_keys
from sakimori.gateway.boundary.detectors.systems.settings import detect_settings
from sakimori.gateway.boundary.detectors.systems.spoken import detect_spoken_secrets
from sakimori.gateway.boundary.detectors.systems.symbols import detect_symbols

_PLAIN: tuple[tuple[str, Detector], ...] = (
    ("private-key", detect_private_keys),
    ("key-form", detect_key_forms),
    ("secret-field", detect_fields),
    ("label", detect_labelled),
    ("column", detect_columns),
    ("e-mail", detect_mail),
    ("ipv4", detect_ipv4),
    ("ipv6", detect_ipv6),
    ("numbers", detect_numbers),
    ("card-detail", detect_card_details),
    ("phone", detect_phones),
    ("iban", detect_ibans),
    ("bic", detect_bics),
    ("swift", detect_swift),
    ("account", detect_accounts),
    ("corporate-number", detect_corporate_numbers),
    ("identity", detect_identities),
    ("date", detect_dates),
    ("wallet", detect_wallets),
    ("machine", detect_machines),
    ("setting", detect_settings),
    ("connection", detect_connections),
    ("spoken", detect_spoken_secrets),
    ("run", detect_runs),
    ("symbols", detect_symbols),
    ("address-ja", detect_japanese_addresses),
    ("address-en", detect_english_addresses),
    ("letterhead", detect_letterheads),
    ("given-number", detect_given_numbers),
    ("speaker", detect_speakers),
    ("name-en", detect_english_names),
    ("name-ja", detect_japanese_names),
    ("in-passing", detect_in_passing),
)

RULES: tuple[tuple[str, Detector], ...] = (*_PLAIN, ("encoded", encoded_detector(_PLAIN)))

__all__ = ["RULES", "Detector"]
