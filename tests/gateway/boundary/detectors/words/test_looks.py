"""What runs of letters and digits look like."""

import pytest

from sakimori.gateway.boundary.detectors.words.looks import Shape, shape_of


@pytest.mark.parametrize(
    "run",
    [
        # words, alone and joined
        "restarted", "read-only", "PowerShell", "credentialsId", "db.session.query", "MAX_RETRIES", "svchost",
        # numbers, sizes, times, versions
        "42", "1.5GB", "30s", "0x7ffe", "2026-10-02T03", "v1.29.3-rc1", "python3.11", "ubuntu-22.04", "1st",
        # hashes and references
        "e3b0c44298fc1c149afbf4c8996fb924", "7c6f0c7a-1b1e-4a52-9c6a-0c5c0e0b9d11", "4f2a9c1e7b", "CVE-2026-21334",
        "T1059.001", "attack.t1071.001", "KB5034441", "RFC5424", "S-1-5-18", "INC0093",
        # technical terms with digits
        "sha256sum", "utf8mb4", "x86_64", "int64_t", "AES-256-GCM", "TLSv1.2", "eth0", "Win32_Process", "IPv4Address",
        # files and public sites
        "kernel32.dll", "web.config", "report-2026.xlsx", "grafana.com", "www.example.com",
    ],
)  # fmt: skip
def test_names_nobody(run: str) -> None:
    assert shape_of(run) is Shape.HARMLESS


@pytest.mark.parametrize(
    ("run", "shape"),
    [
        ("web-03", Shape.HOST),
        ("fin-db07", Shape.HOST),
        ("HQFS01", Shape.HOST),
        ("SRV-TKY-AD1", Shape.HOST),
        ("fs-sabae", Shape.HOST),
        ("kyotofs", Shape.HOST),
        ("branch07pc", Shape.HOST),
        ("openldap-bk", Shape.HOST),
        ("x301192", Shape.USER),
        ("mtakeda", Shape.USER),
        ("t.yamada", Shape.USER),
        ("noreply_ibk", Shape.USER),
        ("nvradmin", Shape.USER),
        ("xo7LkVbE2mTq9RzYc5HdUsGa", Shape.KEY),
        ("q8Z-mmT4-0dLw-Pk2e", Shape.KEY),
        ("t4k0yak1", Shape.KEY),
        ("himawari", Shape.NAME),
        ("approver3", Shape.COUNTED),
    ],
)
def test_looks_like_what_it_is(run: str, shape: Shape) -> None:
    assert shape_of(run) is shape
