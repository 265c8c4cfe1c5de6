from pathlib import Path

import pytest

from sakimori.core import ExitCode, InputError, Settings


def settings(**environment: str) -> Settings:
    return Settings.from_environment(environment)


def test_an_empty_environment_is_a_local_install() -> None:
    assert settings() == Settings(home=Path.home() / ".sakimori", tenant="local", language="en")
    assert settings(SAKIMORI_HOME="", SAKIMORI_TENANT="", SAKIMORI_LANG="", LANG="") == settings()


@pytest.mark.parametrize(
    ("own", "system", "language"),
    [("", "ja_JP.UTF-8", "ja"), ("", "C.UTF-8", "en"), ("en", "ja_JP.UTF-8", "en"), ("ja", "en_GB.UTF-8", "ja")],
)
def test_our_own_language_setting_goes_before_the_system_s(own: str, system: str, language: str) -> None:
    assert settings(SAKIMORI_LANG=own, LANG=system).language == language


def test_a_home_may_be_anywhere(tmp_path: Path) -> None:
    assert settings(SAKIMORI_HOME=str(tmp_path / "銀行")).home == tmp_path / "銀行"
    assert settings(SAKIMORI_HOME="~/elsewhere").home == Path.home() / "elsewhere"


def test_a_home_of_nobody_is_one_sentence() -> None:
    with pytest.raises(InputError, match="there is no home folder for '~nobody-of-that-name/x'"):
        settings(SAKIMORI_HOME="~nobody-of-that-name/x")


@pytest.mark.parametrize("name", ["local", "国 銀行", "みなと銀行　本店", "Bank-01.example", "x" * 128])
def test_institutions_have_names_in_any_script(name: str) -> None:
    assert settings(SAKIMORI_TENANT=name).tenant == name


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc", "a/b", "/", "a\\b", ".", "..", ".hidden"),
        *(" ", " a", "a ", "a\n", "a\0b", "a\x1b[31m", "local\u200b", "exe.\u202egpj", "\udcff", "a\u2028b"),
    ],
)
def test_a_name_that_is_a_path_or_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^SAKIMORI_TENANT: .* cannot name an institution") as caught:
        settings(SAKIMORI_TENANT=name)
    assert caught.value.exit_code is ExitCode.INPUT
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["x" * 129, "国" * 43])
def test_a_name_that_fits_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="longer than 128 bytes"):
        settings(SAKIMORI_TENANT=name)
