"""Zeek's logs as JSON. Known by ``ts`` beside ``_path``, or beside members that only one of its logs has.

Format: the Zeek manual, "Log Formats" and the reference of each log. Channel: the log's path (``conn``, ``dns``, …),
which Sigma calls the service. Fields keep Zeek's names (``id.orig_h``). Logs in Zeek's own tabular form become such
JSON first, with ``_path`` (see ``readers.zeek_tsv``).
"""

from sakimori.collect.shapes import Fields, Shaped, text_of
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import epoch_time, time_of

_TELLING: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (path, frozenset(names.split()))
    for path, names in (
        # Members that are always there (JSON leaves unset ones out) and no other log has together.
        ("conn", "id.orig_h conn_state"),
        ("dns", "id.orig_h trans_id rejected"),
        ("http", "id.orig_h trans_depth request_body_len response_body_len resp_fuids"),
        ("http", "id.orig_h trans_depth request_body_len response_body_len tags"),
        ("sip", "id.orig_h trans_depth request_path response_path"),
        ("smtp", "id.orig_h trans_depth path tls"),
        ("ssl", "id.orig_h resumed established"),
        ("ssh", "id.orig_h auth_attempts"),
        ("rdp", "id.orig_h cert_count"),
        ("rdp", "id.orig_h cookie security_protocol"),
        ("kerberos", "id.orig_h request_type"),
        ("ntlm", "id.orig_h domainname"),
        ("ntlm", "id.orig_h server_nb_computer_name"),
        ("dce_rpc", "id.orig_h operation endpoint"),
        ("smb_mapping", "id.orig_h share_type"),
        ("smb_files", "id.orig_h action name times.modified"),
        ("smb_files", "id.orig_h action path"),
        ("tunnel", "id.orig_h tunnel_type"),
        ("ftp", "id.orig_h command reply_code"),
        ("dpd", "id.orig_h analyzer failure_reason"),
        ("socks", "id.orig_h bound.host"),
        ("snmp", "id.orig_h get_bulk_requests"),
        ("syslog", "id.orig_h facility severity message"),
        ("intel", "seen.indicator seen.indicator_type"),
        ("notice", "note suppress_for"),
        ("notice", "note actions"),
        ("weird", "name notice peer"),
        ("files", "fuid seen_bytes"),
        ("pe", "machine is_exe"),
        ("x509", "certificate.serial certificate.subject"),
        ("dhcp", "uids msg_types"),
        ("software", "software_type host"),
    )
)


def recognises(record: Fields) -> bool:
    if "ts" not in record:
        return False
    connection = "uid" in record and ("id.orig_h" in record or record.get("id").__class__ is dict)
    return "_path" in record or connection or _path_of(record) is not None


def shaped(record: Fields) -> Shaped:
    fields = flattened(record)
    stated = fields.get("_path")
    channel = text_of(stated) if stated is not None else _path_of(fields) or ""
    started = fields["ts"]
    time = epoch_time(started) if started.__class__ is not str else time_of(started) or epoch_time(started)
    return Shaped(("zeek", channel, ""), time, fields)


def _path_of(record: Fields) -> str | None:
    """The log that has such members; None where its path is not to be told."""
    return next((path for path, names in _TELLING if names <= record.keys()), None)
