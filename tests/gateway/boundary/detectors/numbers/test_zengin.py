"""Records of transfer files: no bank, branch or account leaves, with the codes or without."""

from tests.gateway.boundary.rules import hidden, is_hidden


def test_fields_of_fixed_width_do_not_leave() -> None:
    data = "20310ﾋﾉﾃﾞ           071ﾅｶﾞｵｶ           0000  13390214ｻｶｷ ﾀﾛｳ            0000120000"
    trimmed = "2ﾋﾉﾃﾞ           24401283ﾌｼﾞ ﾊﾅ"
    bare = "20310               318                   14083316ｻｶｷ ﾊﾅ"
    for record, parts in (
        (data, ("071ﾅｶﾞｵｶ", "13390214")),
        (trimmed, ("ﾋﾉﾃﾞ", "24401283")),
        (bare, ("318", "14083316")),
    ):
        assert all(is_hidden(part, f"head\n{record}\n9") for part in parts), record


def test_columns_of_figures_leave() -> None:
    text = "8080   443   12345678\n2024   100   24681012"
    assert not any("443" in found or "100" in found for found in hidden(text))
