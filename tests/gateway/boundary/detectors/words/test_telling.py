"""Names of fields and options tell what their values are by their words."""

import pytest

from sakimori.gateway.boundary.detectors.words.telling import told_by


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("password", "SECRET"),
        ("smtpPassword", "SECRET"),
        ("DB_PASS", "SECRET"),
        ("srcstorepass", "SECRET"),
        ("ldap_default_authtok", "SECRET"),
        ("aws_secret_access_key", "SECRET"),
        ("wpa-psk", "SECRET"),
        ("passwordHash", "SECRET"),
        ("sessionId", "SECRET"),
        ("smtp_user", "USER"),
        ("ansible-user", "USER"),
        ("TargetUserName", "USER"),
        ("USRPRF", "USER"),
        ("dst_host", "HOST"),
        ("ComputerName", "HOST"),
        ("mqServer", "HOST"),
        ("krb5_realm", "DOMAIN"),
    ],
)
def test_tells(name: str, kind: str) -> None:
    assert told_by(name) == kind


@pytest.mark.parametrize(
    "name",
    [
        "user_agent",
        "password_policy",
        "passwordMinLength",
        "token_type",
        "max_tokens",
        "primary_key",
        "TokenElevationType",
        "hostPath",
        "serverPort",
        "bypass",
        "secretName",
        "credentialsId",
        "title",
        "",
    ],
)
def test_says_nothing(name: str) -> None:
    assert told_by(name) is None
