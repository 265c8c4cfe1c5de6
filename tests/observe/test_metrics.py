"""Measures: bounded, and in Prometheus's form."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import metrics as api
from prometheus_client.parser import text_string_to_metric_families

from sakimori.observe import metrics
from sakimori.observe.metrics import Label
from sakimori.store import Database


@given(st.lists(st.text(), max_size=40))
def test_a_label_has_no_more_values_than_it_may_and_none_that_is_no_name(values: list[str]) -> None:
    label = Label(5)
    shown = {label(value) for value in values}
    assert len(shown - {"other"}) <= 5
    assert all(value.isascii() and value.isprintable() and " " not in value for value in shown)


def test_a_label_keeps_the_values_that_it_knows() -> None:
    label = Label(2)
    assert [label(value) for value in ("a", "b", "c", "a", "b")] == ["a", "b", "other", "a", "b"]


def test_ten_thousand_values_make_few_series() -> None:
    exposition = metrics.collect()
    counter = api.get_meter("test").create_counter("test.series")
    for number in range(10_000):
        counter.add(1, {"any": str(number)})
    families = {family.name: family for family in text_string_to_metric_families(exposition().decode())}
    samples = [sample for sample in families["test_series"].samples if sample.name == "test_series_total"]
    assert len(samples) <= 2001
    assert sum(sample.value for sample in samples) == 10_000


def test_who_scrapes_at_once_gets_everything() -> None:
    exposition = metrics.collect()
    api.get_meter("test").create_counter("test.scraped").add(1)
    with ThreadPoolExecutor(8) as threads:
        scrapes = [threads.submit(exposition) for _ in range(40)]
        texts = [scrape.result().decode() for scrape in scrapes]
    assert {text.count("test_scraped_total 1.0") for text in texts} == {1}


def test_transactions_are_timed_by_how_they_end(tmp_path: Path) -> None:
    exposition = metrics.collect()
    before = _transactions(exposition().decode())
    database = Database.embedded(tmp_path)
    opened = _transactions(exposition().decode())
    with database.transaction("a"):
        pass
    with database.snapshot("a") as snapshot:
        snapshot.connection.exec_driver_sql("SELECT 1")
    database.close()
    after = _transactions(exposition().decode())
    assert opened.get("committed", 0) > before.get("committed", 0)  # migrations
    assert after["committed"] - opened["committed"] == 1
    assert after["rolled_back"] - opened.get("rolled_back", 0) == 1


def _transactions(text: str) -> dict[str, float]:
    return {
        sample.labels["end"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "sakimori_store_transaction_duration_seconds_count"
    }
