"""What a programme's processes share about its providers: on SQLite, and on PostgreSQL under row-level security."""

from sakimori.core import unfit_tenant
from sakimori.store import Database, providers


def test_what_is_cut_off_is_seen_by_every_process_and_belongs_to_no_institution(
    database: Database, database_url: str
) -> None:
    with database.transaction(providers.PROGRAMME) as transaction:
        providers.cut(transaction, "tokyo", by="person:田中", reason="インシデント", now=5)
    other = Database.open(database_url)
    with other.snapshot(providers.PROGRAMME) as snapshot:
        assert providers.cuts(snapshot) == [providers.Cut("tokyo", 5, "person:田中", "インシデント")]
    with other.snapshot("あおぞら銀行") as snapshot:
        assert providers.cuts(snapshot) == []
    other.close()


def test_no_institution_can_be_called_as_the_programme_is() -> None:
    assert unfit_tenant(providers.PROGRAMME)


def test_the_first_cut_stands_until_it_is_taken_back(database: Database) -> None:
    with database.transaction(providers.PROGRAMME) as transaction:
        providers.cut(transaction, "tokyo", by="a", reason="first", now=1)
        providers.cut(transaction, "tokyo", by="b", reason="second", now=2)
        assert [cut.reason for cut in providers.cuts(transaction)] == ["first"]
        assert providers.restore(transaction, "tokyo")
        assert not providers.restore(transaction, "tokyo")
        assert providers.cuts(transaction) == []


def test_the_newest_report_of_each_process_counts(database: Database) -> None:
    def seen(process: str, at: int, state: str) -> providers.Seen:
        return providers.Seen("tokyo", process, at, state, 1, 0, None, None)

    with database.transaction(providers.PROGRAMME) as transaction:
        providers.report(transaction, [seen("gw-1", 10, "closed"), seen("gw-2", 10, "closed")], now=10)
        providers.report(transaction, [seen("gw-1", 20, "open")], now=20)
        assert [(one.process, one.state) for one in providers.reports(transaction, since=0)] == [
            ("gw-1", "open"),
            ("gw-2", "closed"),
        ]
        assert [one.process for one in providers.reports(transaction, since=15)] == ["gw-1"]
