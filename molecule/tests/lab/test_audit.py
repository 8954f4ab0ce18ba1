"""AIDE's record of all files of the server: it is made anew when packages change while it is being made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]

AIDE = 300.0  # seconds within which AIDE must have read the whole system
RECORD = "/var/lib/prep-aide/aide.db"
DUE = "/var/lib/prep-aide/due"  # stands while a state waits to be authorised


@pytest.mark.clause("RED-03")
def test_changes_during_the_authorisation_are_authorised_too(host: Host, record_evidence: Record) -> None:
    """Si apt cambia algo mientras se autoriza el estado del sistema, se autoriza de nuevo; los snaps no dan alarma."""
    unit = "/etc/systemd/system/snap-prueba-1.mount"
    invocation = "systemctl show aiderenew.service --property InvocationID --value"
    host.check_output("systemctl stop aiderenew.service && systemctl start --no-block aiderenew.service")
    until(
        lambda: host.run("systemctl is-active aiderenew.service").stdout.strip(),
        lambda state: state == "activating",
        what="empiece a autorizarse el estado del sistema",
        every=0,
    )
    before = host.check_output(invocation)
    host.check_output("apt-config dump --format '%v%n' DPkg::Post-Invoke | grep aiderenew | sh")
    until(
        lambda: host.check_output(invocation),
        lambda current: current != before,
        what="se autorice de nuevo",
        within=AIDE,
    )
    try:
        host.check_output(f"touch {unit}")
        check = host.run(f"aide --config /etc/aide/aide.conf --limit '^{unit}$' --check")
    finally:
        host.check_output(f"rm {unit}; systemctl stop aiderenew.service")
    record_evidence(f"de nuevo; {check.stdout.strip()[-200:]}")
    assert check.rc == 0


@pytest.mark.clause("RED-03")
def test_what_a_restart_left_unauthorised_is_authorised_after_it(host: Host, record_evidence: Record) -> None:
    """Lo que un reinicio dejó sin autorizar se autoriza al arrancar, sin alarma; si el registro falta, sí la hay."""
    renewal = "systemctl is-active aiderenew.service"
    host.check_output(f"systemctl stop aiderenew.service; rm -f {DUE}")
    host.check_output("systemctl start --no-block aiderenew.service")
    until(lambda: host.file(DUE).exists, what="empiece a autorizarse el estado del sistema", every=0)
    host.check_output("systemctl stop aiderenew.service; systemctl start aidecheck.service")  # as at boot
    resumed = until(
        lambda: host.run(renewal).stdout.strip(), lambda said: said == "activating", what="se autorice", every=0
    )
    host.check_output(f"systemctl stop aiderenew.service; rm {DUE}; mv {RECORD} {RECORD}.aside")
    try:
        failed = host.run("systemctl start aidecheck.service").failed
        status = host.check_output("systemctl show --property ExecMainStatus --value aidecheck.service")
    finally:
        host.check_output(f"mv {RECORD}.aside {RECORD}; systemctl reset-failed aidecheck.service")
    record_evidence(f"tras el reinicio, aiderenew: {resumed}; sin el registro, AIDE termina con {status}")
    assert failed
    assert 14 <= int(status) < 100  # AIDE's own errors begin at 14, a shell's that does not reach it at 126


# Makes one file below /boot/efi and one beside it, records both by the server's own rules, and gives both other inodes,
# as a FAT file system does at every mount.
OTHER_INODES = """
set -e
folder=$(mktemp -d); mkdir -p /boot/efi/prueba; touch /boot/efi/prueba/uno /boot/prueba
trap 'rm -r $folder /boot/efi/prueba /boot/prueba; rmdir --ignore-fail-on-non-empty /boot/efi' EXIT
printf 'database_in=file:%s/db\\ndatabase_out=file:%s/new\\n' $folder $folder >$folder/conf
grep -E '^(Checksums|OwnerMode|InodeData|Authorised|OnFat|/boot)' /etc/aide/aide.conf >>$folder/conf
aide --config=$folder/conf --init >/dev/null && mv $folder/new $folder/db
for file in /boot/efi/prueba/uno /boot/prueba; do cp --preserve=all $file $file.2 && mv $file.2 $file; done
aide --config=$folder/conf --check || true
"""


def test_the_firmware_partition_gives_no_alarm_at_every_mount(host: Host) -> None:
    """/boot/efi es FAT, sin inodos fijos: ahí AIDE compara el contenido; en el resto de /boot, también los inodos."""
    said = host.check_output(OTHER_INODES)
    assert "/boot/prueba" in said
    assert "/boot/efi" not in said
