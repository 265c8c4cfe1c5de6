"""Check a file of `sakimori ledger export` or `prove` with public keys alone (docs/ledger.md; RFC 6962 and C2SP).

Exit code 0: all is as it was signed; 1: it is not; 2: not checked: the file cannot be read, or a key or anchor is none.
"""

import argparse
import json
from base64 import b64decode, b64encode
from functools import reduce
from hashlib import sha256
from pathlib import Path
from re import fullmatch
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST, HASH = 1 << 26, "[0-9a-f]{64}"  # bytes of a line, or of a proof; how hashes and salts are spelled
spell = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)


def join(right: bytes, left: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def unbase64(encoded: str) -> bytes:
    require(b64encode(value := b64decode(encoded, validate=True)).decode() == encoded, "base64 is spelled another way")
    return value


class Key:
    """A public key as name+id+base64: of type 1 it signs checkpoints, of type 4 it cosigns them."""

    def __init__(self, vkey: str, kind: int) -> None:
        self.name, self.id, encoded = vkey.split("+", 2)
        self.material = whole = unbase64(encoded)
        require(self.id == sha256(f"{self.name}\n".encode() + whole).hexdigest()[:8], "a key does not fit its id")
        require(whole[0] == kind, f"a key has type {whole[0]} instead of {kind}")
        self.kind, self.public = kind, Ed25519PublicKey.from_public_bytes(whole[1:])

    def signed(self, text: str, lines: list[tuple[str, bytes]]) -> bool:
        """Whether a line is by this key. One that is, and does not fit the text, is an error."""
        mine = [blob[4:] for name, blob in lines if (name, blob[:4].hex()) == (self.name, self.id)]
        for blob in mine:
            heading = f"cosignature/v1\ntime {int.from_bytes(blob[:8])}\n" if self.kind == 4 else ""
            self.public.verify(blob[8:] if self.kind == 4 else blob, (heading + text).encode())
        return bool(mine)


def read_checkpoint(note: str, log: Key, cosigners: list[Key]) -> tuple[int, bytes, int]:
    """How many entries a checkpoint covers, their root, and how many cosigners, told apart by key, confirm it."""
    text, _, signatures = note.rpartition("\n\n")
    *words, last = [line.removeprefix("— ").split(" ") for line in signatures.split("\n")]
    text, lines = text + "\n", [(name, unbase64(encoded)) for name, encoded in words]
    require(last == [""] and log.signed(text, lines), "a checkpoint is not signed with the ledger's key")
    origin, size, root = text.split("\n")[:3]
    require(origin == log.name and str(int(size)) == size, "a checkpoint is of another ledger")
    return int(size), unbase64(root), len({key.material for key in cosigners if key.signed(text, lines)})


def check_export(file: BinaryIO, log: Key, cosigners: list[Key], demanded: int, anchor: tuple[int, bytes, int]) -> str:
    header: dict[str, Any] = json.loads(line := file.readline(LONGEST))
    require((header["schema"], header["origin"]) == ("sakimori.ledger-export/1", log.name), "it is of another ledger")
    require(len(header) == 6 and line == spell(header).encode() + b"\n", "the header has another form")
    whole, start, size, end = sha256(line), header["start"], header["start"], header["end"]
    before, *trees = map(bytes.fromhex, hashes := [header["before"], *header["frontier"]])  # subtrees, largest first
    require(len(trees) == size.bit_count() and all(fullmatch(HASH, h) for h in hashes), "the frontier has another form")
    require(start > 0 or before == sha256(log.name.encode()).digest(), "the chain has another beginning")
    require(type(start) is type(end) is int and 0 <= start < end, "the range is none")
    require(anchor[0] == -1 or start <= anchor[0] <= end, "the anchor lies outside of the range")
    signed, confirmed, erased, backwards, earlier, missing = 0, 0, 0, 0, -(1 << 64), dict[int, str]()
    while (line := file.readline(LONGEST)) and not line.startswith(b'{"end"'):
        require(size != anchor[0] or anchor[1] == reduce(join, trees[::-1]), "history was rewritten since the anchor")
        whole.update(line)
        record: dict[str, Any] = json.loads(line)
        require(line == spell(record).encode() + b"\n", f"the line before entry {size} is spelled in another way")
        if list(record) == ["checkpoint"]:
            signed, root, confirmed = read_checkpoint(record["checkpoint"], log, cosigners)
            require((signed, root) == (size, reduce(join, trees[::-1])), f"the first {size} entries were altered")
            continue
        fits = line.startswith(b'{"n":%d,' % size) and [*record][1:] in (["digest"], ["salt", "entry"])
        require(fits and size < end, f"entry {size} is missing, was moved or added to")
        if list(record) == ["n", "digest"]:
            require(len(missing) < 1 << 20, "more entries were erased than this program remembers")
            digest, missing[size] = bytes.fromhex(record["digest"]), record["digest"]
        else:
            salt, entry = bytes.fromhex(record["salt"]), json.loads(record["entry"])
            digest = sha256(salt + record["entry"].encode()).digest() if fullmatch(HASH, record["salt"]) else b""
            backwards, earlier, detail = backwards + (entry["time"] < earlier), entry["time"], entry["detail"]
            if entry["action"] == "ledger.erased" and missing.get(detail["position"]) == detail["digest"]:
                erased += len(missing.pop(detail["position"])) > 0
        before = sha256(b"\0" + before + digest).digest()
        hashed, complete, size = before, size, size + 1
        while complete & 1:
            hashed, complete = join(hashed, trees.pop()), complete >> 1
        trees.append(hashed)
    trailer = f'{{"end":{end},"sha256":"{whole.hexdigest()}"}}\n'.encode()
    require(size == signed == end and line + file.read(1) == trailer, f"it was cut off or damaged after entry {size}")
    require(not missing, f"the content of entry {min(missing, default=0)} is missing, and no entry says it was erased")
    require(confirmed >= demanded, f"the last checkpoint has {confirmed} of the {demanded} cosigners demanded")
    return f"entries {start} to {end - 1}, cosigned by {confirmed}; {erased} erased, {backwards} times go back"


def check_proof(file: BinaryIO, log: Key, cosigners: list[Key], demanded: int, anchor: tuple[int, bytes, int]) -> str:
    head, _, note = file.read(LONGEST).decode().partition("\n\n")
    magic, extra, index, *path = head.split("\n")
    parts, position = unbase64(extra.removeprefix("extra ")), int(index.removeprefix("index "))
    require((magic, index) == ("c2sp.org/tlog-proof@v1", f"index {position}"), "the proof has another form")
    size, root, confirmed = read_checkpoint(note, log, cosigners)
    require(0 <= position < size and len(parts) >= 64, "there is no such entry")
    require(anchor[:2] in ((-1, b""), (size, root)), "the anchor is another checkpoint")
    leaf = parts if len(parts) == 64 else parts[:32] + sha256(parts[32:]).digest()  # 64: its content was erased
    hashed, at, last = sha256(b"\0" + leaf).digest(), position, size - 1
    while last:  # from the leaf up; a node that is last and even in its row has nobody beside it
        if at & 1 or at < last:
            beside = unbase64(path.pop(0))
            hashed = join(hashed, beside) if at & 1 else join(beside, hashed)
        at, last = at >> 1, last >> 1
    require(hashed == root and not path, "the entry is not in the ledger")
    require(confirmed >= demanded, f"the checkpoint has {confirmed} of the {demanded} cosigners demanded")
    return f"entry {position} of {size}, cosigned by {confirmed}\n" + json.dumps(json.loads(parts[64:] or b'"erased"'))


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an export or a proof of a Sakimori ledger.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", required=True, help="public key of the ledger (sakimori ledger key)")
    parser.add_argument("--cosigner", action="append", default=[], help="public key of a cosigner; may be repeated")
    parser.add_argument("--cosigned", type=int, default=0, help="how many of the cosigners must confirm all of it")
    parser.add_argument("--anchor", type=Path, help="an earlier checkpoint, which an export must continue")
    given, check, code = parser.parse_args(), None, 0
    try:
        log, cosigners = Key(given.key, 1), [Key(vkey, 4) for vkey in set[str](given.cosigner)]
        anchor = read_checkpoint(given.anchor.read_text("utf-8"), log, []) if given.anchor else (-1, b"", 0)
        with given.file.open("rb") as file:
            check = check_proof if file.peek(1)[:1] == b"c" else check_export
            print("OK:", check(file, log, cosigners, given.cosigned, anchor))
    except (AttributeError, InvalidSignature, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        code = 2 if check is None or isinstance(error, OSError) else 1
        print({1: "NOT OK:", 2: "NOT CHECKED:"}[code], ascii(str(error) or "a signature does not fit"))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
