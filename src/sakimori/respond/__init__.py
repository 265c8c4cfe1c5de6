"""Response: a verdict's proposals in, effects in the outside world and a journal of them out.

``plan`` turns proposals into ruled actions with their blast radius; nothing is contacted. ``Executor.execute`` carries
out what policy allows, writing each step down before and after its contact, so that a death at any moment leaves a
journal that ``recover`` can settle by observing. What needs a person's approval leaves a request (``Requests``), and
goes on with ``Executor.proceed`` once people consented. ``Executor.undo`` takes it back, newest step first.
An investigator's text has no power here: targets are entities that detectors proved and the inventory knows.
"""

from sakimori.respond.approval import (
    NAMESPACE,
    Approvers,
    Consenting,
    RegisteredApprovers,
    approval_message,
    sign_approval,
)
from sakimori.respond.asking import OPEN_FOR, Requests, consents_that_hold, find_request
from sakimori.respond.execute import Executor
from sakimori.respond.grounds import Grounds
from sakimori.respond.plan import begun, plan, preview
from sakimori.respond.playbook import Playbook, PlaybookError, load_playbooks, parse_playbook
from sakimori.respond.policy import ResponsePolicy

__all__ = [
    "NAMESPACE",
    "OPEN_FOR",
    "Approvers",
    "Consenting",
    "Executor",
    "Grounds",
    "Playbook",
    "PlaybookError",
    "RegisteredApprovers",
    "Requests",
    "ResponsePolicy",
    "approval_message",
    "begun",
    "consents_that_hold",
    "find_request",
    "load_playbooks",
    "parse_playbook",
    "plan",
    "preview",
    "sign_approval",
]
