"""What changes of the owner's automatic updates is told before the project's files replace it."""

from __future__ import annotations

from pathlib import Path

import pytest
import role_kit
from plugin_kit import load

from difusor.servers.neighbours import UPDATING, Neighbours, problems
from difusor.servers.notices import rows

probe = load("module_utils/probe/updates.py")
PACKAGED = """Unattended-Upgrade::Origins-Pattern {
        // "origin=Debian,codename=${distro_codename}-updates";
        "origin=Debian,codename=${distro_codename},label=Debian";
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
};
Unattended-Upgrade::Allowed-Origins {
        "${distro_id}:${distro_codename}"; "${distro_id}ESMApps:${distro_codename}-apps-security";
"""


@pytest.mark.parametrize(
    ("files", "origins", "off"),
    [
        (
            {"50unattended-upgrades": PACKAGED + "};", "20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";'},
            [],
            [],
        ),
        (
            {"50unattended-upgrades": PACKAGED + '"Docker:${distro_codename}";\n# "LP-PPA-a:jammy";\n};'},
            ["Docker:${distro_codename}"],
            [],
        ),
        (
            {
                "52diario": 'Unattended-Upgrade::Origins-Pattern:: "site=repo.mysql.com";\n'
                'Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}-updates"; };',
                "61tarde": 'Unattended-Upgrade::Origins-Pattern { "o=Docker"; };',  # which the project does not clear
                "60prep-difusor": '// Managed by prep-difusor\nUnattended-Upgrade::Origins-Pattern { "o=Docker"; };',
            },
            ["${distro_id}:${distro_codename}-updates", "site=repo.mysql.com"],
            [],
        ),
        ({"20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "0";'}, [], ["20auto-upgrades"]),
        ({"10a": 'APT::Periodic::Unattended-Upgrade "0";', "20b": 'APT::Periodic::Unattended-Upgrade "1";'}, [], []),
        ({"10a": '// APT::Periodic::Unattended-Upgrade "0";', "zz-prep-difusor": "", "zzz": ""}, [], []),
    ],
)
def test_updates_that_the_owner_has_decided_about_are_told(
    files: dict[str, str], origins: list[str], off: list[str], tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = probe.look(lambda *_: [], lambda _: True, str(tmp_path))
    assert sorted(found["origins"]) == origins
    assert [Path(path).name for path in found["off"]] == off
    assert probe.look(lambda *_: [], lambda _: False, str(tmp_path))["origins"] == []
    told = rows(Neighbours(upgraded=tuple(found["origins"]), updates_off=tuple(found["off"])), (80, 443))
    assert [names for _, names in told] == [each for each in (found["origins"], found["off"]) if each]
    done = Neighbours(upgraded=tuple(found["origins"]), updates_off=tuple(found["off"]), mirror_of=("prep.diario.mx",))
    assert rows(done, (80, 443)) == []


def test_timers_that_the_owner_has_switched_off_are_told(tmp_path: Path) -> None:
    """Whatever apt's files say, it then installs nothing. A masked one stops the run, as systemd would not start it."""
    off = probe.look(lambda *_: ["disabled", "disabled"], lambda _: True, str(tmp_path))["off"]
    assert off == ["apt-daily.timer", "apt-daily-upgrade.timer"]
    assert probe.look(lambda *_: ["masked", "enabled"], lambda _: True, str(tmp_path))["off"] == []


def test_a_masked_timer_stops_the_first_run_and_no_late_change() -> None:
    """Somebody who masks them for the night must not keep a change of that night from his server."""
    (told,) = problems(Neighbours(masked=("apt-daily.timer",)))
    assert told.endswith("systemctl unmask apt-daily.timer")
    mirror = Neighbours(masked=("apt-daily.timer", "ssh.service"), mirror_of=("prep.diario.mx",))
    (told,) = problems(mirror)
    assert told.endswith("systemctl unmask ssh.service")
    assert [names for _, names in rows(mirror, (80, 443))] == [["apt-daily.timer"]]


def test_the_timers_that_are_looked_for_are_those_that_the_role_starts() -> None:
    timers = role_kit.value("packages", "_packages_timers", {})
    assert timers == list(probe.TIMERS) == list(UPDATING)
    assert {*timers} <= {*role_kit.value("preflight", "preflight_units", {})}


def test_the_files_that_replace_it_are_the_roles() -> None:
    folder = role_kit.ROLES / "packages/templates/etc/apt/apt.conf.d"
    assert sorted(path.name for path in folder.iterdir()) == [f"{probe.ORIGINS}.j2", f"{probe.SWITCH}.j2"]
