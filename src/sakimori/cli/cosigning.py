"""``sakimori ledger cosign``: a second party confirms a ledger by files, without a network between the two."""

from contextlib import closing
from pathlib import Path

import click

from sakimori.access.rights import Right
from sakimori.access.secrets import Secrets
from sakimori.cli.group import Group
from sakimori.cli.writing import write_whole
from sakimori.core import InputError, Settings, SystemClock, plain
from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.ledger import Cosigner, Ledger, LocalSigner, Memory, NoteError, Verifier, witness
from sakimori.store import Database

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_NAME = click.option("--name", help="Under which others know this witness (default: made of the institution's name).")


def ledger_of(settings: Settings) -> Ledger:
    """The ledger of an install, with what it remembers of it."""
    return Ledger(LocalSigner(Secrets.embedded(settings.home)), Memory.embedded(settings.home))


def cosigner_of(vkey: str) -> Cosigner:
    """Raises InputError where it is not a cosigner's public key."""
    try:
        return Cosigner.parse(vkey)
    except NoteError as error:
        raise InputError(
            f"'{plain(vkey)}' does not name a cosigner: {error}; the cosigner's `sakimori ledger cosign key` prints it"
        ) from error


@click.group(cls=Group)
def cosign() -> None:
    """Have a second party confirm that the ledger only ever grew, or be that party; files go back and forth."""


@cosign.command(right=Right.VERIFY_LEDGER)
@click.option("--out", required=True, metavar="FILE", type=_OUT)
@click.option(
    "--old", type=click.IntRange(min=0), help="How many entries the cosigner saw last (default: as last cosigned)."
)
def request(out: Path, old: int | None) -> None:
    """Write FILE, to be sent to the cosigner: the newest checkpoint, and a proof that it continues the old one."""
    settings = Settings.from_environment()
    verifier = ledger_of(settings).verifier(settings.tenant)
    with closing(Database.of(settings)) as database, database.snapshot(settings.tenant) as snapshot:
        made = witness.request(snapshot, verifier, old=old)
    write_whole(out, made.encode())
    click.echo(f"Send {out} to the cosigner, who knows this ledger as {verifier}", err=True)


@cosign.command(right=Right.COSIGN_LEDGER)
@click.argument("asked", metavar="REQUEST", type=_FILE)
@click.option(
    "--log", "vkey", required=True, metavar="KEY", help="The public key of the ledger that is to be confirmed."
)
@click.option("--out", required=True, metavar="FILE", type=_OUT)
@click.option("--first", is_flag=True, help="Begin with this ledger: nothing is known of it here yet.")
@_NAME
def sign(asked: Path, vkey: str, out: Path, first: bool, name: str | None) -> None:
    """As the cosigner: check that REQUEST continues what was seen here before, and write the cosigned checkpoint."""
    try:
        log = Verifier.parse(vkey)
    except NoteError as error:
        raise InputError(f"'{plain(vkey)}' does not name a ledger: {error}; `sakimori ledger key` prints it") from error
    settings = Settings.from_environment()
    seconds = SystemClock().now() // NANOS_PER_SECOND
    checkpoint, note = _witness(settings, name).cosign(_text(asked), log, first=first, seconds=seconds)
    write_whole(out, note.encode())
    click.echo(f"The first {checkpoint.size} entries of '{log.name}' are confirmed in {out}: send it back.", err=True)


@cosign.command(right=Right.COSIGN_LEDGER)
@click.argument("cosigned", metavar="FILE", type=_FILE)
@click.option("--cosigner", "vkey", required=True, metavar="KEY", help="The public key of the cosigner.")
def add(cosigned: Path, vkey: str) -> None:
    """Keep the cosignature of FILE beside the checkpoint that it confirms."""
    settings = Settings.from_environment()
    verifier, by = ledger_of(settings).verifier(settings.tenant), cosigner_of(vkey)
    with closing(Database.of(settings)) as database, database.transaction(settings.tenant) as transaction:
        checkpoint = witness.keep(transaction, verifier, by, _text(cosigned))
    click.echo(f"'{by.name}' confirms the first {checkpoint.size} entries of the ledger of '{settings.tenant}'.")


@cosign.command(right=Right.COSIGN_LEDGER)
@_NAME
def key(name: str | None) -> None:
    """As the cosigner: print the public key by which others recognise what is cosigned here."""
    click.echo(str(_witness(Settings.from_environment(), name).key))


def _witness(settings: Settings, name: str | None) -> witness.Witness:
    signer = LocalSigner(Secrets.embedded(settings.home), purpose="ledger-cosigning")
    memory = Memory.of_witness(settings.home)
    if memory.is_empty():  # a key that may have cosigned is never replaced
        signer.provision(settings.tenant)
    return witness.Witness(memory, signer, settings.tenant, name)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(witness.LONGEST_REQUEST + 1)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text: give the file as it was made") from error
