"""How the account of a correlation looks in a terminal and as a JSON line."""

from fractions import Fraction
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from sakimori.cli.explanation import mark
from sakimori.cli.rule_choice import percent
from sakimori.cli.view import moment
from sakimori.core import Nanos, plain, rfc3339
from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect.sigma.measure import Amount
from sakimori.detect.sigma.trial import CorrelationAccount, GroupAccount, RuleAccount

_LONGEST = 120
"""Characters of a value that a terminal is shown."""
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def account_line(account: CorrelationAccount) -> bytes:
    line = {
        "rule_id": account.id,
        "title": account.title,
        "type": account.type,
        "asks": _asks(account),
        "timespan_seconds": account.timespan // NANOS_PER_SECOND,
        "group_by": account.group_by,
        "matched": account.fired > 0,
        "fired": account.fired,
        "rules": [_plain_rule(rule) for rule in account.rules],
        "groups": account.groups,
        "nearest": [_plain_group(group) for group in account.nearest],
        "unexamined": account.unexamined,
    }
    return orjson.dumps(line)


def _plain_rule(rule: RuleAccount) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "events_of_log_source": None if rule.source is None else rule.seen,
        "matched": rule.matched,
        "took_part": rule.took_part,
        "lacking": rule.lacking,
        "placeholders": rule.placeholders,
    }


def _plain_group(group: GroupAccount) -> dict[str, Any]:
    return {
        "group": group.group,
        "fired": group.fired,
        "holds": group.holds,
        "measured": None if group.measured is None else _json_number(group.measured),
        "value": group.value,
        "events": group.events,
        "first_time": rfc3339(group.first),
        "last_time": rfc3339(group.last),
        "occurred": group.occurred,
        "event_ids": group.event_ids,
    }


def _json_number(amount: Amount) -> int | float | str:
    """A number beyond what JSON readers keep exactly becomes a text."""
    if isinstance(amount, Fraction) and amount.denominator != 1:
        return float(amount)
    whole = int(amount)
    return whole if abs(whole) < 1 << 53 else str(whole)


def show_account(console: Console, account: CorrelationAccount) -> None:
    fires = f"fires {account.fired:,} times" if account.fired != 1 else "fires once"
    head = mark(holds=account.fired > 0).append(plain(account.title), style="bold")
    tree = Tree(head.append(f": {fires if account.fired else 'does not fire'}", style="bold"), guide_style="dim")
    per = f", for each {', '.join(map(plain, account.group_by))}" if account.group_by else ""
    tree.add(Text(f"asks for: {_asks(account)}, within {_span(account.timespan)}{per}"))
    rules = tree.add(Text("rules it refers to"))
    for rule in account.rules:
        _grow_rule(rules, rule)
    if account.nearest:
        shown = "" if len(account.nearest) == account.groups else f" ({len(account.nearest)} shown)"
        of = f" of {account.groups:,} group{'s' * (account.groups > 1)}" if account.group_by else ""
        groups = tree.add(Text(f"nearest{of}{shown}"))
        for group in account.nearest:
            _grow_group(groups, group, account)
    else:
        tree.add(Text("no event took part", style="yellow"))
    if account.unexamined:
        said = f"{account.unexamined:,} more events were not measured: the nearest may have come nearer"
        tree.add(Text(said, style="yellow"))
    console.print(tree)


def _grow_rule(tree: Tree, rule: RuleAccount) -> None:
    line = mark(holds=rule.took_part > 0).append(plain(rule.title))
    if rule.placeholders:
        line.append(f": does not run before {percent(rule.placeholders)} has values", style="yellow")
    elif rule.source is None:
        line.append(f": fired {_times(rule.matched)}")
    elif not rule.seen:
        line.append(f": no event is of its log source {plain(str(rule.source))}", style="yellow")
    else:
        line.append(f": matched {rule.matched:,} of {rule.seen:,} events of its log source")
    branch = tree.add(line)
    for reason, count in rule.lacking.items():
        branch.add(Text(f"{count:,} took no part: each {plain(reason)}", style="yellow"))


def _grow_group(tree: Tree, group: GroupAccount, account: CorrelationAccount) -> None:
    named = ", ".join(f"{plain(name)} = {_short(value)}" for name, value in group.group.items())
    line = mark(holds=group.holds).append(f"{named}: " if named else "", style="bold").append(_amount(group, account))
    if group.fired:
        line.append(f", fired {_times(group.fired)}")
    branch = tree.add(line)
    span = f"{moment(group.first)} – {moment(group.last)}  {group.events:,} event{'s' * (group.events > 1)}"
    ids = "" if not group.event_ids else f"  {group.event_ids[0]}"
    if len(group.event_ids) > 1:
        ids += f" … {group.event_ids[-1]}"
    branch.add(Text(span + ids, style="dim"))
    if len(account.rules) > 1:
        for rule in account.rules:
            count = group.occurred.get(rule.id, 0)
            branch.add(mark(holds=count > 0).append(f"{plain(rule.title)} × {count:,}"))


def _amount(group: GroupAccount, account: CorrelationAccount) -> str:
    if group.measured is None:
        return "what is asked for" if group.holds else "not what is asked for"
    whose = f" ({_short(group.value)})" if group.value is not None else ""
    return f"{_number(group.measured)}{whose} (asked for {plain(account.limits)})"


def _asks(account: CorrelationAccount) -> str:
    return plain(f"{account.subject} {account.limits}".rstrip())


def _number(amount: Amount) -> str:
    if isinstance(amount, Fraction) and amount.denominator != 1:
        return f"{float(amount):,.6g}"
    return f"{int(amount):,}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _short(value: str) -> str:
    return plain(value[:_LONGEST]) + ("…" if len(value) > _LONGEST else "")


def _span(timespan: Nanos) -> str:
    seconds = timespan // NANOS_PER_SECOND
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size:,} {unit}"
