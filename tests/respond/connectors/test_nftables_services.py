"""Isolation of a real host: a namespace with its own OpenSSH server, a peer in another, and us as management."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Action, Command, Effect, Entity, EntityType, StepState, as_plain, canonical_json
from sakimori.respond import Executor, Grounds, ResponsePolicy, load_playbooks, plan
from sakimori.respond.connectors import ConnectorRefused, ConnectorUnreachable
from sakimori.respond.connectors.nftables import Nftables, rule_set
from sakimori.respond.connectors.settings import LinuxHost, NftablesSettings
from sakimori.store import Database
from sakimori.store.journal import Standing

pytestmark = pytest.mark.services

VICTIM = "ws-1.bank.example"
TIMER_S = 3
ISOLATE = Action(
    tenant="bank",
    command=Command.ISOLATE_HOST,
    target=Entity(type=EntityType.HOST, value=VICTIM),
    connector="linux",
    incident_id="in-1",
    parameters={},
)
RELEASE = replace(ISOLATE, command=Command.RELEASE_HOST)

_ECHO = """
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    address_family = socketserver.socket.AF_INET6
    allow_reuse_address = daemon_threads = True
Server(("::", 7007), Echo).serve_forever()
"""
_REACH = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 7007), timeout=1) as line:
        line.sendall(b"x\\n")
        sys.exit(0 if line.recv(2) == b"x\\n" else 1)
except OSError:
    sys.exit(1)
"""
_TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], 7007), timeout=1) as line:
    for said in sys.stdin:
        try:
            line.sendall(said.encode())
            print("answered" if line.recv(100) else "closed", flush=True)
        except OSError:
            print("silence", flush=True)
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Lab:
    """Three ends: management (where the tests run), the victim and its peer."""

    victim: str
    peer: str
    settings: NftablesSettings

    def inside(self, namespace: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", namespace, *command]

    def reaches(self, namespace: str | None, address: str) -> bool:
        command = [sys.executable, "-c", _REACH, address]
        return subprocess.run(self.inside(namespace, *command) if namespace else command).returncode == 0

    def traffic(self) -> dict[str, bool]:
        return {
            "peer to victim": self.reaches(self.peer, "10.77.2.2"),
            "peer to victim, IPv6": self.reaches(self.peer, "fd77:2::2"),
            "victim to peer": self.reaches(self.victim, "10.77.2.3"),
            "management to victim's service": self.reaches(None, "10.77.1.2"),
        }

    def wait_for_traffic(self) -> None:
        deadline = time.monotonic() + 30
        while not all(self.traffic().values()):
            assert time.monotonic() < deadline, "the dead-man timer did not roll back"
            time.sleep(0.2)

    def rules(self) -> str:
        listed = subprocess.run(
            self.inside(self.victim, "nft", "list", "ruleset"), check=True, capture_output=True, text=True
        )
        return listed.stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    missing = [tool for tool in ("ip", "nft", "sshd", "ssh-keygen") if shutil.which(tool, path=_SBIN) is None]
    if missing or os.geteuid() != 0:
        pytest.fail(f"run tools/install-services and these tests as root (missing: {', '.join(missing) or 'root'})")
    folder = tmp_path_factory.mktemp("lab")
    mark = f"{os.getpid() % 10000}"
    victim, peer = f"skv{mark}", f"skp{mark}"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for namespace in (victim, peer):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        link(f"skm{mark}", None, "10.77.1.1/24", "fd77:1::1/64", f"v1{mark}", victim, "10.77.1.2/24", "fd77:1::2/64")
        link(f"p0{mark}", peer, "10.77.2.3/24", "fd77:2::3/64", f"v0{mark}", victim, "10.77.2.2/24", "fd77:2::2/64")
        made = Lab(victim, peer, settings(folder))
        for namespace in (victim, peer):
            processes.append(subprocess.Popen(made.inside(namespace, sys.executable, "-c", _ECHO)))
        processes.append(start_sshd(folder, made))
        made.wait_for_traffic()
        wait_for_ssh()
        yield made
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        for namespace in (victim, peer):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
        subprocess.run(["ip", "link", "del", f"skm{mark}"], capture_output=True)


_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def link(
    name: str, namespace: str | None, v4: str, v6: str, other: str, other_namespace: str, other_v4: str, other_v6: str
) -> None:
    """A cable between two namespaces (None: ours), with an address of each family at both ends."""
    run("ip", "link", "add", name, "type", "veth", "peer", "name", other)
    for end, place, addresses in ((name, namespace, (v4, v6)), (other, other_namespace, (other_v4, other_v6))):
        if place:
            run("ip", "link", "set", end, "netns", place)
        where = ["-n", place] if place else []
        for address in addresses:
            # Duplicate address detection would keep the address unusable for a second.
            extra = ["nodad"] if ":" in address else []
            run("ip", *where, "address", "add", address, "dev", end, *extra)
        run("ip", *where, "link", "set", end, "up")


def settings(folder: Path) -> NftablesSettings:
    for key in ("host", "user", "stranger"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    host_key = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"10.77.1.2 {host_key}[10.77.1.2]:22 {host_key}")
    (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
    return NftablesSettings(
        name="linux",
        user="root",
        key_file=folder / "user",
        known_hosts_file=folder / "known_hosts",
        management=("10.77.1.1", "fd77:1::1"),
        hosts=(LinuxHost(name=VICTIM, address="10.77.1.2"),),
        rollback_after_s=TIMER_S,
        connect_timeout_s=2.0,
    )


def start_sshd(folder: Path, made: Lab) -> subprocess.Popen[bytes]:
    Path("/run/sshd").mkdir(exist_ok=True)
    config = folder / "sshd_config"
    config.write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nPidFile {folder}/sshd.pid\n"
        "Port 22\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\nUsePAM no\n"
    )
    sshd = shutil.which("sshd", path=_SBIN)
    assert sshd is not None
    return subprocess.Popen(
        made.inside(made.victim, sshd, "-D", "-e", "-f", str(config)), stderr=(folder / "sshd.log").open("wb")
    )


def wait_for_ssh() -> None:
    deadline = time.monotonic() + 20
    probe = "import socket,sys; socket.create_connection(('10.77.1.2', 22), timeout=1)"
    while subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode != 0:
        assert time.monotonic() < deadline, "sshd did not start"
        time.sleep(0.1)


@pytest.fixture
def linux(lab: Lab) -> Iterator[Nftables]:
    made = Nftables(lab.settings)
    yield made
    subprocess.run(lab.inside(lab.victim, "nft", "flush", "ruleset"), check=True)


ALL_OPEN = dict.fromkeys(
    ("peer to victim", "peer to victim, IPv6", "victim to peer", "management to victim's service"), True
)
ALL_CLOSED = dict.fromkeys(ALL_OPEN, False)


def test_an_isolated_host_reaches_nobody_and_the_management_path_stays(lab: Lab, linux: Nftables) -> None:
    assert lab.traffic() == ALL_OPEN
    assert asyncio.run(linux.observe(ISOLATE)) is Effect.ABSENT
    asyncio.run(linux.apply(ISOLATE, key="k"))
    assert lab.traffic() == ALL_CLOSED
    assert asyncio.run(linux.observe(ISOLATE)) is Effect.APPLIED
    time.sleep(TIMER_S + 1)
    assert lab.traffic() == ALL_CLOSED, "a confirmed isolation outlives the dead-man timer"
    assert asyncio.run(linux.observe(RELEASE)) is Effect.ABSENT
    asyncio.run(linux.apply(RELEASE, key="k"))
    assert lab.traffic() == ALL_OPEN
    assert asyncio.run(linux.observe(RELEASE)) is Effect.APPLIED
    assert "sakimori" not in lab.rules()


def test_connections_that_were_open_are_cut_too(lab: Lab, linux: Nftables) -> None:
    talk = subprocess.Popen(
        lab.inside(lab.peer, sys.executable, "-c", _TALK, "10.77.2.2"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert talk.stdin is not None
    assert talk.stdout is not None

    def say() -> str:
        assert talk.stdin is not None
        assert talk.stdout is not None
        talk.stdin.write("hello\n")
        return talk.stdout.readline().strip()

    assert say() == "answered"
    asyncio.run(linux.apply(ISOLATE, key="k"))
    assert say() == "silence"
    talk.stdin.close()
    talk.wait()
    talk.stdout.close()


def test_isolating_and_releasing_twice_is_the_same_as_once(lab: Lab, linux: Nftables) -> None:
    for _ in range(2):
        asyncio.run(linux.apply(ISOLATE, key="k"))
        assert lab.rules().count("chain input") == 1
        assert lab.traffic() == ALL_CLOSED
    for _ in range(2):
        asyncio.run(linux.apply(RELEASE, key="k"))
        assert lab.traffic() == ALL_OPEN


def test_the_hosts_own_firewall_is_left_alone_and_not_opened(lab: Lab, linux: Nftables) -> None:
    own = "table inet own { chain input { type filter hook input priority 0; policy accept; tcp dport 7007 drop; }; }"
    subprocess.run(lab.inside(lab.victim, "nft", "-f", "-"), input=own.encode(), check=True)
    before = lab.rules()
    asyncio.run(linux.apply(ISOLATE, key="k"))
    asyncio.run(linux.apply(RELEASE, key="k"))
    assert lab.rules() == before


def test_a_wrong_management_path_rolls_itself_back(lab: Lab, linux: Nftables) -> None:
    """We cut our own session; the kernel forgets the isolation, and nothing makes it last."""
    mistaken = Nftables(replace(lab.settings, management=("10.77.1.99",)))

    async def attempt() -> None:
        async with asyncio.timeout(30):
            await mistaken.apply(ISOLATE, key="k")

    with pytest.raises((ConnectorRefused, ConnectorUnreachable)):
        asyncio.run(attempt())
    lab.wait_for_traffic()
    assert asyncio.run(linux.observe(ISOLATE)) is Effect.ABSENT


def test_killed_between_arming_and_confirming_it_rolls_back(lab: Lab, linux: Nftables, tmp_path: Path) -> None:
    script = tmp_path / "victim.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from sakimori.records import from_plain, parse_object\n"
        "from sakimori.records import Action\n"
        "from sakimori.respond.connectors.nftables import Nftables\n"
        "from sakimori.respond.connectors.settings import NftablesSettings\n"
        "class Halted(Nftables):\n"
        "    async def _confirm(self, host):\n"
        "        print('armed', flush=True)\n"
        "        sys.stdin.read()\n"
        "settings, action = (parse_object(line, what='input') for line in sys.argv[1:])\n"
        "asyncio.run(Halted(from_plain(NftablesSettings, settings)).apply(from_plain(Action, action), key='k'))\n"
    )
    plain = (canonical_json(as_plain(item)).decode() for item in (lab.settings, ISOLATE))
    process = subprocess.Popen(
        [sys.executable, str(script), *plain], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline().strip() == "armed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stdin.close()
    assert asyncio.run(linux.observe(ISOLATE)) in (Effect.UNKNOWN, Effect.ABSENT)
    lab.wait_for_traffic()
    assert asyncio.run(linux.observe(ISOLATE)) is Effect.ABSENT
    asyncio.run(linux.apply(ISOLATE, key="k"))
    assert lab.traffic() == ALL_CLOSED


def test_a_confirmation_after_the_timer_fails(lab: Lab, linux: Nftables) -> None:
    """Reaching the host proves nothing once it is no longer isolated."""

    class Slow(Nftables):
        async def _confirm(self, host: LinuxHost) -> None:
            await asyncio.sleep(TIMER_S + 1)
            await super()._confirm(host)

    with pytest.raises(ConnectorRefused, match="nft refused"):
        asyncio.run(Slow(lab.settings).apply(ISOLATE, key="k"))
    assert lab.traffic() == ALL_OPEN
    assert asyncio.run(linux.observe(ISOLATE)) is Effect.ABSENT


def test_a_host_with_another_key_is_not_talked_to(lab: Lab, linux: Nftables, tmp_path: Path) -> None:
    stranger = (lab.settings.key_file.parent / "stranger.pub").read_text()
    for name, text in (("other", f"10.77.1.2 {stranger}"), ("empty", "")):
        known = tmp_path / name
        known.write_text(text)
        made = Nftables(replace(lab.settings, known_hosts_file=known))
        with pytest.raises(ConnectorRefused, match="nothing was sent"):
            asyncio.run(made.apply(ISOLATE, key="k"))
        assert asyncio.run(made.observe(ISOLATE)) is Effect.UNKNOWN
    assert lab.traffic() == ALL_OPEN


def test_a_key_that_the_host_does_not_trust_is_refused(lab: Lab, linux: Nftables) -> None:
    made = Nftables(replace(lab.settings, key_file=lab.settings.key_file.parent / "stranger"))
    with pytest.raises(ConnectorRefused, match="SSH refused the key"):
        asyncio.run(made.apply(ISOLATE, key="k"))


@pytest.mark.parametrize("key", ["nowhere", "host.pub"])
def test_a_key_file_that_is_none_is_one_sentence(lab: Lab, linux: Nftables, key: str) -> None:
    made = Nftables(replace(lab.settings, key_file=lab.settings.key_file.parent / key))
    with pytest.raises(ConnectorRefused, match="cannot be used"):
        asyncio.run(made.apply(ISOLATE, key="k"))


@pytest.mark.parametrize("management", [["10.0.0.0/8", "10.77.1.1"], ["fd77::/16"], ["10.77.1.1", "fd77:1::1/128"]])
def test_the_real_nft_accepts_every_kind_of_management_path(lab: Lab, management: Sequence[str]) -> None:
    made = Nftables(replace(lab.settings, management=tuple(management)))
    rules = rule_set(made.management, ssh_port=22, forgotten_after_s=30)
    subprocess.run(lab.inside(lab.victim, "nft", "-c", "-f", "-"), input=rules.encode(), check=True)


def test_a_whole_response_on_a_real_host(
    lab: Lab, linux: Nftables, tmp_path: Path, make_grounds: Callable[..., Grounds]
) -> None:
    grounds = make_grounds([(Command.ISOLATE_HOST, VICTIM), (Command.ISOLATE_HOST, "ws-2.bank.example")])
    database = Database.embedded(tmp_path)
    policy, clock = ResponsePolicy(), SystemClock()
    made = plan(
        grounds, playbooks=load_playbooks(), connectors=[linux], policy=policy, standing=Standing(), clock=clock
    )
    assert made.actions[1].decision.policies == ("no-connector-reaches",)
    executor = Executor(
        database,
        Ledger(LocalSigner(Secrets.embedded(tmp_path))),
        connectors=[linux],
        policy=policy,
        clock=clock,
        holder="test",
    )
    done = asyncio.run(executor.execute(made, grounds))
    assert [step.state for step in done.steps] == [StepState.DONE, StepState.REFUSED]
    assert lab.traffic() == ALL_CLOSED
    undone = asyncio.run(executor.undo("bank", done.id, actor="person:ann"))
    assert undone.steps[0].state is StepState.UNDONE
    assert lab.traffic() == ALL_OPEN
    database.close()
