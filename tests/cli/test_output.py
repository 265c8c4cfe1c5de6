"""What is printed shows itself and nothing else."""

import io
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sakimori.cli.output import progress, results


def table(text: str) -> Table:
    made = Table()
    made.add_column(Text(text))
    made.add_row(Text(text))
    return made


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x9b\u202e\x07\r\n\ud800防"))))
def test_however_a_text_is_printed_it_steers_nothing(text: str) -> None:
    file = io.StringIO()
    console = results(file)
    console.print(Text(text), Text(text, style="bold"))
    console.print(text, markup=False, soft_wrap=True)
    console.print(Panel(Text(text), title=Text(text)), table(text))
    console.rule(Text(text))
    assert {char for char in file.getvalue() if category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")} <= {"\n"}


def test_cells_stay_as_wide_as_they_are() -> None:
    file = io.StringIO()
    made = Table(box=None, padding=0, show_header=False)
    made.add_column(width=8, no_wrap=True)
    made.add_column()
    made.add_row(Text("\x1b" * 50), Text("next"))
    results(file).print(made)
    assert file.getvalue().rstrip() == "\\u001b\\unext"


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress().print("reading \x1b[2J", markup=False)
    assert capsys.readouterr() == ("", "reading \\u001b[2J\n")
