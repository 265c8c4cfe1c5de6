"""Properties of the network and credential model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cyberrange.bank import DOMAIN_ADMINS, WORKSTATION, build
from cyberrange.directory import Answer, Credential, Directory
from cyberrange.network import PORTS, Network

BANK = build(7, 50)
HOSTS = sorted(BANK.hosts)
ACCOUNTS = sorted(BANK.accounts)
hosts = st.sampled_from(HOSTS)


@given(st.sets(hosts, max_size=10), hosts, hosts)
def test_isolation_cuts_both_ways_and_only_takes_away(isolated: set[str], source: str, target: str) -> None:
    open_, cut = Network(BANK), Network(BANK)
    for host in isolated:
        cut.isolate(host)
    a, b = BANK.hosts[source], BANK.hosts[target]
    if source == target:
        return
    if {source, target} & isolated:
        assert not cut.reaches(a, b)
        assert not cut.reaches(b, a)
    else:
        assert cut.reaches(a, b) == open_.reaches(a, b)


@given(st.lists(st.tuples(hosts, st.booleans()), max_size=20))
def test_only_the_last_command_to_a_host_counts(commands: list[tuple[str, bool]]) -> None:
    network = Network(BANK)
    for host, isolate in commands:
        (network.isolate if isolate else network.release)(host)
    assert {host for host in HOSTS if network.isolated(host)} == {h for h, isolate in dict(commands).items() if isolate}


@given(hosts)
def test_payments_are_out_of_reach_of_desks_but_for_their_front_end(name: str) -> None:
    network, host = Network(BANK), BANK.hosts[name]
    for target in BANK.hosts.values():
        if host.role == WORKSTATION and target.zone == "payments":
            assert [service for service in PORTS if network.connects(host, target, service)] == ["https"]


@given(hosts)
def test_isolating_the_vpn_gateway_keeps_everybody_out(name: str) -> None:
    network = Network(BANK)
    for gateway in BANK.role("vpn-gateway"):
        network.isolate(gateway.name)
    assert not any(network.from_vpn(BANK.hosts[name], service) for service in PORTS)


class Passwords(RuleBasedStateMachine):
    """The directory against a model of it: who knows the current password, and who is enabled."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Directory(BANK)
        self.issued: list[Credential] = [self.directory.current(name) for name in ACCOUNTS[:3]]
        self.latest = {credential.account: credential for credential in self.issued}
        self.disabled: set[str] = set()

    @rule(name=st.sampled_from(ACCOUNTS[:3]))
    def reset(self, name: str) -> None:
        self.latest[name] = self.directory.reset(name)
        self.issued.append(self.latest[name])

    @rule(name=st.sampled_from(ACCOUNTS[:3]))
    def disable(self, name: str) -> None:
        self.directory.disable(name)
        self.disabled.add(name)

    @rule(name=st.sampled_from(ACCOUNTS[:3]))
    def enable(self, name: str) -> None:
        self.directory.enable(name)
        self.disabled.discard(name)

    @invariant()
    def only_the_current_password_of_an_enabled_account_works(self) -> None:
        for credential in self.issued:
            expected = Answer.OK if credential == self.latest[credential.account] else Answer.WRONG_PASSWORD
            if credential.account in self.disabled:
                expected = Answer.DISABLED
            assert self.directory.check(credential) is expected


TestPasswords = Passwords.TestCase


def test_an_unknown_account_is_unknown() -> None:
    assert Directory(BANK).check(Credential("nobody", 1)) is Answer.UNKNOWN


@pytest.mark.parametrize("size", [20, 21, 50, 137])
@pytest.mark.parametrize("seed", range(3))
def test_banks_are_consistent(seed: int, size: int) -> None:
    bank = build(seed, size)
    assert len(bank.hosts) == size
    assert len({host.address for host in bank.hosts.values()}) == size
    assert len({account.sid for account in bank.accounts.values()}) == len(bank.accounts)
    for host in bank.hosts.values():
        assert host.name == host.name.lower()
        assert len(host.short) <= 15
        assert all(user in bank.accounts for user in host.users)
    for name, account in bank.accounts.items():
        assert name == account.name == name.lower()
        assert set(account.hosts) <= set(bank.hosts)
    assert bank.member_of(DOMAIN_ADMINS)
