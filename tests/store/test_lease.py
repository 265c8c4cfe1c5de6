"""One process at a time defends an institution, on both kinds of database."""

from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.store import Database, StoreError
from sakimori.store.lease import DefenceLease, HeldElsewhere, defence_lease, give_up, renew, take

NOW = 1_800_000_000_000_000_000
SECOND = 10**9


def taken(database: Database, holder: str, now: int, *, tenant: str = "bank") -> DefenceLease:
    with database.transaction(tenant) as transaction:
        return take(transaction, holder=holder, place=f"process of {holder}", now=now, until=now + 60 * SECOND)


def renewed(database: Database, lease: DefenceLease, now: int) -> DefenceLease:
    with database.transaction("bank") as transaction:
        return renew(transaction, lease, until=now + 60 * SECOND)


def test_the_second_is_told_who_holds_it_and_until_when(database: Database) -> None:
    taken(database, "one", NOW)
    with pytest.raises(HeldElsewhere) as raised:
        taken(database, "two", NOW + 59 * SECOND)
    assert str(raised.value) == (
        "process of one defends 'bank' until 2027-01-15T08:01:00.000Z: stop it first, or wait until its lease ends"
    )
    assert raised.value.until == NOW + 60 * SECOND


def test_a_lease_that_ended_is_taken_over_and_its_holder_finds_out_when_it_saves(database: Database) -> None:
    first = taken(database, "one", NOW)
    second = taken(database, "two", NOW + 60 * SECOND)
    assert second.fence == first.fence + 1
    with pytest.raises(HeldElsewhere, match="process of two defends 'bank'"):
        renewed(database, first, NOW + 61 * SECOND)
    assert renewed(database, second, NOW + 61 * SECOND).until == NOW + 121 * SECOND


def test_lateness_alone_loses_nothing(database: Database) -> None:
    """A round that took longer than the lease is kept, as long as nobody took over."""
    lease = taken(database, "one", NOW)
    assert renewed(database, lease, NOW + 500 * SECOND).fence == lease.fence
    assert taken(database, "one", NOW + 900 * SECOND).fence == lease.fence


def test_what_is_given_up_is_free_at_once(database: Database) -> None:
    lease = taken(database, "one", NOW)
    with database.transaction("bank") as transaction:
        give_up(transaction, lease)
    second = taken(database, "two", NOW)
    with database.transaction("bank") as transaction:
        give_up(transaction, lease)  # of one that is not the holder any more
    assert renewed(database, second, NOW).fence == second.fence


def test_institutions_do_not_wait_for_each_other(database: Database) -> None:
    taken(database, "one", NOW)
    assert taken(database, "two", NOW, tenant="other").fence == 1


def test_a_database_that_was_set_back_is_no_ground_to_go_on(database: Database) -> None:
    lease = taken(database, "one", NOW)
    with database.transaction("bank") as transaction:
        transaction.connection.execute(transaction.delete(defence_lease))
    with pytest.raises(StoreError, match="was set back meanwhile"):
        renewed(database, lease, NOW)
    taken(database, "zero", NOW - 3600 * SECOND)  # as the restored rows may say, with the same fence
    with pytest.raises(HeldElsewhere, match="process of zero"):
        renewed(database, lease, NOW)


def test_of_many_at_once_one_gets_it(database: Database) -> None:
    start, got, refused = Barrier(6), list[str](), list[str]()

    def contend(holder: str) -> None:
        start.wait()
        try:
            taken(database, holder, NOW)
            got.append(holder)
        except HeldElsewhere:
            refused.append(holder)

    threads = [Thread(target=contend, args=(f"holder-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["take", "renew", "give up"]), st.integers(0, 90)), max_size=25
)


@given(STEPS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_processes_do_only_the_last_to_take_it_can_save(
    database: Database, steps: list[tuple[str, str, int]]
) -> None:
    """The fence never falls, and a transaction succeeds only for whom the row names."""
    with database.transaction("bank") as transaction:
        transaction.connection.execute(transaction.delete(defence_lease))
    now, leases, holder, until, fence = NOW, dict[str, DefenceLease](), "", 0, 0
    for who, what, waits in steps:
        now += waits * SECOND
        if what == "take":
            if holder not in ("", who) and now < until:
                with pytest.raises(HeldElsewhere):
                    taken(database, who, now)
                continue
            leases[who] = taken(database, who, now)
            assert leases[who].fence >= fence
            holder, until, fence = who, leases[who].until, leases[who].fence
        elif who in leases and what == "renew":
            if leases[who].fence == fence and holder == who:
                until = renewed(database, leases[who], now).until
            else:
                with pytest.raises(HeldElsewhere):
                    renewed(database, leases[who], now)
        elif who in leases:
            with database.transaction("bank") as transaction:
                give_up(transaction, leases[who])
            if holder == who and leases[who].fence == fence:
                until = 0
