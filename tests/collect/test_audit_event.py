"""Events of the audit system: which fields they get from which record."""

from sakimori.collect.audit_event import event
from sakimori.collect.shapes import Fields

_HEAD = b"type=%s msg=audit(1364481363.243:24287): "
_SYSCALL = _HEAD % b"SYSCALL" + b'arch=c000003e syscall=59 a0=55d0 a1=55d1 pid=7 exe="/usr/bin/wget" key="k"'


def _joined(*records: bytes) -> Fields:
    return event(b"\n".join(records)).fields


def test_an_event_has_the_types_of_its_records_and_the_arguments_of_execve() -> None:
    execve = _HEAD % b"EXECVE" + b'argc=1 a0="wget"'
    shaped = event(b"\n".join([_HEAD % b"AVC" + b'pid=8 dev="x"', _SYSCALL, execve]))
    assert shaped.kind == ("linux", "auditd", "SYSCALL")
    assert shaped.fields["type"] == ["AVC", "SYSCALL", "EXECVE"]
    assert (shaped.fields["a0"], "a1" in shaped.fields) == ("wget", False)
    assert (shaped.fields["pid"], shaped.fields["dev"], shaped.fields["key"]) == ("7", "x", "k")


def test_without_execve_the_arguments_are_those_of_the_system_call() -> None:
    assert _joined(_SYSCALL)["a0"] == "55d0"
    assert _joined(_SYSCALL)["type"] == "SYSCALL"


def test_a_command_line_that_the_kernel_cut_is_whole_again() -> None:
    head = _HEAD % b"EXECVE"
    fields = _joined(head + b'argc=3 a0="sh" a1_len=6 a1[0]="abc"', head + b'a1[1]="def"', head + b'a2="x"', _SYSCALL)
    assert [fields[name] for name in ("argc", "a0", "a1", "a2")] == ["3", "sh", "abcdef", "x"]


def test_a_path_says_who_touched_it_but_has_no_key() -> None:
    fields = _joined(_HEAD % b"PATH" + b'name="shadow" nametype=NORMAL', _SYSCALL, _HEAD % b"CWD" + b'cwd="/etc/x/.."')
    assert (fields["type"], fields["name"], fields["exe"]) == ("PATH", "/etc/shadow", "/usr/bin/wget")
    assert "key" not in fields
    assert "a0" not in fields


def test_names_without_a_folder_to_start_from_stay() -> None:
    assert _joined(_HEAD % b"PATH" + b'name="shadow"')["name"] == "shadow"
    assert _joined(_HEAD % b"PATH" + b'name="//etc/./a/../shadow"')["name"] == "/etc/shadow"
    assert _joined(_HEAD % b"PATH" + b"name=(null)")["name"] is None


def test_the_host_is_the_one_that_the_event_comes_from() -> None:
    assert _joined(b"node=web1 " + _SYSCALL)["node"] == "web1"


def test_no_field_of_a_record_passes_for_its_type() -> None:
    assert _joined(_SYSCALL + b" type=EXECVE")["type"] == "SYSCALL"
