"""What the messages of Unix programs say: sshd, sudo, su, useradd and its like, cron, PAM. One line in, fields out.

The same for syslog and the journal. Messages hold text that an attacker chooses (a user name with spaces, a folder's
name), so each pattern is anchored, and of an address the last one counts: sshd writes it behind the name.
"""

import re
from collections.abc import Callable, Mapping
from typing import cast

from sakimori.collect.shapes import Fields

_CHANNELS: Mapping[str, str] = {
    **dict.fromkeys(("sshd", "sshd-session", "sshd-auth"), "sshd"),
    "sudo": "sudo",
    **dict.fromkeys(("cron", "crond", "crontab", "anacron"), "cron"),
    **dict.fromkeys(("su", "login", "passwd", "chpasswd", "chage", "chsh", "chfn", "pkexec", "polkitd"), "auth"),
    **dict.fromkeys(("useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "gpasswd"), "auth"),
    **dict.fromkeys(("newusers", "adduser", "systemd-logind", "sssd", "gdm-password", "unix_chkpwd"), "auth"),
    **dict.fromkeys(("clamd", "clamav", "freshclam", "clamav-daemon"), "clamav"),
    **dict.fromkeys(("guacd", "guacamole"), "guacamole"),
    "vsftpd": "vsftpd",
}
_AUTH_FACILITIES = (4, 10)
"""auth and authpriv (RFC 5424, table 1)."""


def channel_of(program: str, facility: int | None) -> str:
    """Sigma's service: told by the program, else by the facility; ``syslog`` for all the rest."""
    return _CHANNELS.get(program.lower()) or ("auth" if facility in _AUTH_FACILITIES else "syslog")


def fields_of(program: str, message: str) -> Fields:
    """What is known of such a message; empty for messages of no known form."""
    for known in _PATTERNS.get(program.lower(), ()):
        if fields := known(message):
            return fields
    return _pam(message)


def _matches(*patterns: str) -> Callable[[str], Fields]:
    """Named groups of the first pattern that fits, as fields; those that are empty are left out."""
    compiled = [re.compile(pattern, re.DOTALL) for pattern in patterns]

    def fields(message: str) -> Fields:
        for pattern in compiled:
            if found := pattern.match(message):
                return {name: value for name, value in found.groupdict().items() if value}
        return {}

    return fields


_FROM = r"from (?P<src_ip>[0-9A-Fa-f.:%\w]{1,64}) port (?P<src_port>\d{1,5})"
_END = r"(?: \[preauth\])?$"
_sshd = _matches(
    rf"(?P<action>Accepted|Failed|Postponed|Partial) (?P<method>\S{{1,64}}) for (?:invalid user )?(?P<user>.*) {_FROM}"
    r"(?: ssh\d)?(?:: (?P<key_type>[\w-]{1,64}) (?P<key>\S{1,128}).*)?" + _END,
    rf"(?P<action>Invalid) user (?P<user>.*) {_FROM}" + _END,
    r"(?P<action>Connection closed|Connection reset|Disconnected|Disconnecting)(?: by| from)? "
    r"(?:(?:authenticating|invalid) )?user (?P<user>.*) (?P<src_ip>[0-9A-Fa-f.:%\w]{1,64}) port (?P<src_port>\d{1,5})"
    r"(?:: .*)?" + _END,
    r"(?P<action>Connection closed|Connection reset|Received disconnect|Disconnected)(?: by| from)? "
    r"(?P<src_ip>[0-9A-Fa-f.:%\w]{1,64}) port (?P<src_port>\d{1,5})",
    rf"(?:error: )?(?P<action>maximum authentication attempts exceeded) for (?:invalid user )?(?P<user>.*) {_FROM}",
    r"User (?P<user>.*) from (?P<src_ip>[0-9A-Fa-f.:%\w]{1,64}) (?P<action>not allowed) because ",
    rf"(?P<action>Connection|Did not receive identification string) {_FROM}",
)
_SUDO = frozenset(("HOST", "TTY", "PWD", "CHROOT", "USER", "GROUP", "TSID", "ENV"))


def _sudo(message: str) -> Fields:
    """``alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/sh -c x``, under sudo's own names.

    COMMAND is all that follows it. Of names that stand twice (in the name of a folder) the first counts.
    """
    user, separator, rest = message.partition(" : ")
    fields: Fields = {"user": user.strip()}
    parts = rest.split(" ; ") if separator else []
    for place, part in enumerate(parts):
        name, _, value = part.partition("=")
        if name == "COMMAND":
            fields[name] = " ; ".join((value, *parts[place + 1 :]))
            return fields
        if name in _SUDO:
            fields.setdefault(name, value)
        elif place == 0:
            fields["reason"] = part
    return fields if "TTY" in fields else {}


_su = _matches(
    r"(?:(?P<action>FAILED) SU )?\(to (?P<target_user>[^)]{1,256})\) (?P<user>.*) on (?P<tty>\S{1,64})$",
    r"(?P<action>Successful|FAILED) su for (?P<target_user>.*) by (?P<user>\S{1,256})$",
)
_accounts = _matches(
    r"(?P<action>new user): name=(?P<user>[^,]{1,256}), UID=(?P<uid>\d{1,10}), GID=(?P<gid>\d{1,10}), "
    r"home=(?P<home>[^,]{0,4096}), shell=(?P<shell>[^,]{0,4096})(?:, from=(?P<tty>\S{1,256}))?",
    r"(?P<action>new group): name=(?P<group>[^,]{1,256}), GID=(?P<gid>\d{1,10})",
    r"(?P<action>add|delete) '(?P<user>[^']{1,256})' (?:to|from) (?:shadow )?group '(?P<group>[^']{1,256})'",
    r"(?P<action>delete user|change user|lock user|unlock user) '(?P<user>[^']{1,256})'",
    r"(?P<action>password changed) for (?P<user>\S{1,256})$",
    r"[Uu]ser (?P<user>\S{1,256}) (?P<action>added|removed) by \S{1,256} (?:to|from) group (?P<group>\S{1,256})$",
)
_cron = _matches(r"\((?P<user>[^)]{1,256})\) (?P<action>[A-Z][A-Z ]{0,30}[A-Z]) \((?P<command>.*)\)$")
_logind = _matches(r"(?P<action>New session|Removed session) (?P<session>\w{1,32})(?: of user (?P<user>.*))?\.$")
_pam = _matches(
    r"pam_\w{1,32}\((?P<pam_service>[^:)]{1,64}):(?P<pam_type>\w{1,32})\): (?P<action>session opened|session closed) "
    r"for user (?P<user>[^\s(]{1,256})(?:\(uid=(?P<uid>\d{1,10})\))?(?: by (?P<by>[^\s(]{0,256})\(uid=\d{1,10}\))?",
    r"pam_\w{1,32}\((?P<pam_service>[^:)]{1,64}):(?P<pam_type>\w{1,32})\): (?P<action>authentication failure); "
    r"logname=(?P<logname>\S{0,256}) uid=(?P<uid>\d{0,10}) euid=\d{0,10} tty=(?P<tty>\S{0,256}) "
    r"ruser=(?P<ruser>\S{0,256}) rhost=(?P<src_ip>\S{0,256})\s{0,4}(?:user=(?P<user>.*))?$",
    r"pam_\w{1,32}\((?P<pam_service>[^:)]{1,64}):(?P<pam_type>\w{1,32})\): (?P<action>password changed) "
    r"for (?P<user>.*)$",
)


_PATTERNS = cast(
    "Mapping[str, tuple[Callable[[str], Fields], ...]]",
    {
        **dict.fromkeys(("sshd", "sshd-session", "sshd-auth"), (_sshd,)),
        "sudo": (_sudo,),
        "su": (_su,),
        **dict.fromkeys(("cron", "crond", "crontab", "anacron"), (_cron,)),
        **dict.fromkeys(
            ("useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "gpasswd", "passwd", "chpasswd"),
            (_accounts,),
        ),
        "systemd-logind": (_logind,),
    },
)
