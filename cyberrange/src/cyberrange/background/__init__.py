"""A banking day: what staff, systems and the IT department do when nothing is wrong.

Some of it looks odd on purpose (an administrator's ``nltest``, a helpdesk PsExec, a harmless reset by telephone), since
a detector that never meets such things looks better than it is.
"""

from cyberrange.background.it import ItDepartment
from cyberrange.background.staff import Employee
from cyberrange.background.systems import SystemServices
from cyberrange.bank import WORKSTATION
from cyberrange.estate import Estate
from cyberrange.helpdesk import Helpdesk

__all__ = ["begin"]


def begin(estate: Estate, helpdesk: Helpdesk) -> None:
    """Put the whole day's background on the estate's schedule."""
    for machine in estate.machines.values():
        SystemServices(estate, machine)
        if machine.host.role == WORKSTATION:
            for number, name in enumerate(machine.host.users):
                Employee(estate, machine, estate.bank.accounts[name], shift=number)
    ItDepartment(estate, helpdesk)
