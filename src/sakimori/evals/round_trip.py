"""Round trips through the boundary: what a model does to tokens on the way must not keep values from coming back.

No model is asked: it is played, by a seeded script that echoes, paraphrases, reorders and truncates what it got,
changes case and width, marks up, translates around tokens, writes JSON, invents tokens and repeats those of another
institution. For each piece of its answer the script knows what the client must see. Two institutions have the same
conversation at a time, with the same names, so that a value that crosses over shows.
"""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sakimori.gateway.boundary import Boundary, Dictionary, Passage

_HOSTS = ("pc-0412.bank.example", "db-core-01.bank.example", "tky-fw-3.bank.example", "srv9.bank.example")
_USERS = ("yamada.t", "sato.h", "svc-backup", "o'brien")
_PEOPLE = ("山田 太郎", "佐藤 花子", "Hanako Sato", "𠮷野 家康")
_ASKED = (
    "{host} で {user} が {ip} へ接続した。担当は{person}、連絡先は {mail}。",
    "User {user} on {host} paid with {card}; reply to {mail}. Called by {person} from {ip}.",
    '{{"host": "{host}", "user": "BANK\\\\{user}", "peer": "{ip}", "note": "{person}\\n{mail}"}}',
    "| host | user |\n|---|---|\n| {host} | {user} |\n\n**{person}** `{ip}`",
    "ＴＥＬ不明　{person}（{mail}）　カード{card}",
)
_SAID = (
    "The alert concerns ",
    "調査の結果、",
    " contacted ",
    "は",
    "。\n- ",
    " and later ",
    "、さらに",
    ": ",
    "\n\n> ",
    " → ",
)
_CODE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WIDE = str.maketrans({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
_RESPELT: tuple[Callable[[str], str], ...] = (
    str,
    str.lower,
    str.title,
    lambda token: token.translate(_WIDE),
    lambda token: token.replace("_", "\\_"),
    lambda token: token[:6] + "\u200b" + token[6:],
)
_MARKED = (("", ""), ("**", "**"), ("`", "`"), ("「", "」"), ("<", ">"), ("(", ")"))


@dataclass(slots=True)
class Tally:
    """What became of the tokens in answers."""

    conversations: int = 0
    restorable: int = 0
    """Tokens of the conversation that the played model repeated, however it wrote them."""
    wrong: int = 0
    """Answers that did not come back as they must, whole or in pieces: a value missing, wrong or where none belongs."""
    leaked: int = 0
    """Answers in which a value of the other institution stood, and texts that left with a value in them."""
    invented: int = 0
    """Tokens that the played model made up or had from elsewhere: they must stay as they are."""


@dataclass(frozen=True, slots=True)
class _Piece:
    written: str
    """As the model wrote it."""
    must_read: str
    """As the client must see it."""


def play(conversations: int, *, seed: int = 1) -> Tally:
    """Play so many conversations, each at two institutions."""
    chance = random.Random(seed)  # noqa: S311 - a script, no secret
    dictionary = Dictionary(
        hosts=frozenset(_HOSTS), users=frozenset(_USERS), people=frozenset(_PEOPLE), domains=frozenset({"bank.example"})
    )
    here, there = (Boundary(name, name.encode() * 8, dictionary) for name in ("aozora", "akebono"))
    tally = Tally()
    for _ in range(conversations):
        _one(chance, here, there, tally)
    return tally


def _one(chance: random.Random, here: Boundary, there: Boundary, tally: Tally) -> None:
    ours, theirs = Passage(here), Passage(there)
    values = _values(chance)
    for text in chance.sample(_ASKED, chance.randint(1, 3)):
        asked = text.format(**values)
        left, _ = ours.send(asked), theirs.send(asked)
        tally.leaked += any(value in left for value in values.values())
    pieces = _answer(chance, ours, theirs, tally)
    written = "".join(piece.written for piece in pieces)
    must_read = "".join(piece.must_read for piece in pieces)
    if chance.random() < 0.2:
        written, must_read = (json.dumps({"answer": text}, ensure_ascii=False) for text in (written, must_read))
        whole = json.dumps(json.loads(ours.receive(written)), ensure_ascii=False)
        streamed = json.dumps(json.loads(_in_pieces(chance, ours, written)), ensure_ascii=False)
    else:
        whole, streamed = ours.receive(written), _in_pieces(chance, ours, written)
    tally.conversations += 1
    tally.wrong += whole != must_read or streamed != must_read
    tally.leaked += any(token in whole for token in ours.tokens) or _crossed(written, ours, theirs)


def _crossed(written: str, ours: Passage, theirs: Passage) -> bool:
    """Whether the other institution's reader makes anything of our tokens."""
    return any(theirs.restore(token) != token for token in ours.tokens if token not in theirs.tokens)


def _values(chance: random.Random) -> dict[str, str]:
    return {
        "host": chance.choice(_HOSTS),
        "user": chance.choice(_USERS),
        "person": chance.choice(_PEOPLE),
        "ip": f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}",
        "mail": f"kokyaku{chance.randrange(10**6)}@mail.example",
        "card": _card(chance),
    }


def _card(chance: random.Random) -> str:
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    # Luhn: from the right, every second digit doubled.
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return "".join(map(str, digits)) + str(-(doubled + sum(digits[1::2])) % 10)


def _answer(chance: random.Random, ours: Passage, theirs: Passage, tally: Tally) -> list[_Piece]:
    tokens = list(ours.tokens.items())
    chance.shuffle(tokens)
    pieces: list[_Piece] = []
    for token, value in tokens[: chance.randint(1, len(tokens))]:
        said = chance.choice(_SAID)
        pieces.append(_Piece(said, said))
        before, after = chance.choice(_MARKED)
        respelt = chance.choice(_RESPELT)(token)
        tally.restorable += 1
        pieces.append(_Piece(before + respelt + after, before + value + after))
        if chance.random() < 0.3:
            pieces.append(_strange(chance, token, ours, theirs))
            tally.invented += 1
    if chance.random() < 0.2:
        token = chance.choice(tokens)[0]
        cut = token[: chance.randrange(1, len(token))]
        pieces.append(_Piece(" " + cut, " " + cut))
    return pieces


def _strange(chance: random.Random, token: str, ours: Passage, theirs: Passage) -> _Piece:
    """A token that never went out in this conversation."""
    candidates: Sequence[str] = [
        token[:-1] + chance.choice(_CODE),
        token.partition("_")[0] + "_" + str(chance.randrange(10)) + "".join(chance.choices(_CODE, k=11)),
        chance.choice(list(theirs.tokens)),
    ]
    made_up = chance.choice(candidates)
    while made_up in ours.tokens:
        made_up = made_up[:-1] + chance.choice(_CODE)
    return _Piece(f" ({made_up})", f" ({made_up})")


def _in_pieces(chance: random.Random, passage: Passage, text: str) -> str:
    lane = passage.lane(json=False)
    said: list[str] = []
    for piece in _cut(chance, text):
        said.append(lane.feed(piece))
    return "".join([*said, lane.flush()])


def _cut(chance: random.Random, text: str) -> Iterable[str]:
    position = 0
    while position < len(text):
        length = chance.randint(1, 9)
        yield text[position : position + length]
        position += length
