"""Telling findings into the incidents that an install keeps."""

from collections.abc import Sequence

from sakimori import incidents
from sakimori.records import Finding, Incident
from sakimori.store import Transaction


def tell(transaction: Transaction, findings: Sequence[Finding]) -> list[Incident]:
    """Tell findings into the incidents known of their time, or as new ones, and keep those.

    All in one transaction, so that of two scans at once the second knows what the first made of them.
    """
    start = min(finding.first_time for finding in findings) - incidents.HORIZON
    end = max(finding.last_time for finding in findings) + incidents.HORIZON
    known = {
        incident.id: incident
        for incident in transaction.all(Incident)
        if incident.first_time <= end and incident.last_time >= start
    }
    new = {finding.id for finding in findings}
    earlier = dict.fromkeys(id for incident in known.values() for id in incident.finding_ids if id not in new)
    told = [finding for id in earlier if (finding := transaction.get(Finding, id))]
    grouped = incidents.group([*findings, *told], known=list(known.values()))
    transaction.put(*(incident for incident in grouped if known.get(incident.id) != incident))
    return [
        incident for incident in grouped if incident.merged_into is None and not new.isdisjoint(incident.finding_ids)
    ]
