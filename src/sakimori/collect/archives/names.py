"""Names of members, which are whatever bytes some tool of some decade wrote."""


def decoded(name: bytes, *, last: str = "latin-1") -> str:
    """UTF-8 where it is valid, else cp932 (Windows-31J, Japanese) where that is, else ``last``, which never fails.

    UTF-8 comes first although bytes may be valid in both: macOS and Linux tools write it without saying so, and
    Japanese text in cp932 is hardly ever valid UTF-8.
    """
    for encoding in ("utf-8", "cp932"):
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode(last)
