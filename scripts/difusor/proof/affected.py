"""Which files of molecule/tests a changed path can affect: the tables behind `difusor test --changed`.

The first pattern that matches a path decides; a path that matches none affects all tests.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

EVERYTHING = "*"
"""The whole suite of a release."""

TESTS_OF_ROLES = {
    # First the test file of the role's own name, which tests what the role installs; then tests that depend on it.
    "accounts": ("accounts", "late_changes", "lockout", "revocation", "sudo"),
    "audit": ("audit",),
    "chrony": ("chrony",),
    "corte": ("corte", "corte_attacks", "corte_crash", "corte_night", "revocation"),
    "docker": ("docker", "network", "failures"),
    "fail2ban": ("fail2ban", "sandboxes", "traffic"),
    "kernel": ("kernel", "accounts"),
    "nginx": ("nginx", "failures", "flood", "network", "options", "owners_logs", "revocation", "sandboxes", "traffic"),
    "packages": ("packages", "accounts", "audit", "kernel", "lockout", "pam", "site"),
    "pam": ("pam", "accounts", "lockout"),
    "preflight": ("preflight", "hardware"),
    "prep": ("prep", "failures", "late_changes"),
    "rollback": ("lockout", "ssh_socket"),
    "rsync": ("rsync", "corte_attacks", "late_changes", "network", "revocation"),
    "ssh": ("ssh", "lockout", "network", "ssh_socket"),
    "suricata": ("options",),
    "tc": ("rsync",),
    "ufw": ("ufw", "flood", "late_changes", "lockout", "network"),
    "waf": ("waf", "failures", "traffic"),
}
"""Role to test files, without folder, `test_` and `.py`."""

SECONDS = {
    "accounts": 25, "corte": 10, "corte_attacks": 35, "corte_crash": 65, "corte_night": 90, "countdown": 20,
    "failures": 70, "fail2ban": 25, "flood": 35, "front": 80, "late_changes": 40, "lockout": 60, "network": 40,
    "nginx": 30, "options": 40, "preflight": 15, "prep": 10, "revocation": 50, "rsync": 20, "site": 70,
    "ssh_socket": 15, "sudo": 10, "waf": 10,
}  # fmt: skip
"""How long those test files take that take long, on two quiet cores; by this two servers share them."""

MACHINE_ONLY = ("machine",)
"""Test files that need a server with its own kernel; no container can run them."""

NEEDS_MACHINE = "solo lo prueba ./difusor test vm"
NO_SERVER = "lo prueba unit, sin servidor"
ACCEPTED = "solo lo prueba molecule test --scenario-name accept"
BY_HAND = "ninguna prueba lo ejecuta"

RUNS_ANSIBLE = ("corte_night", "front", "late_changes", "lockout", "options", "preflight", "revocation", "site")
"""Test files that run playbooks themselves."""

PATHS: tuple[tuple[str, tuple[str, ...] | str], ...] = (
    # Pattern (an asterisk also matches slashes) to test files, or to the reason why none is affected.
    ("docs/*", "documentación"),
    ("*.md", "documentación"),
    ("LICENSE", "documentación"),
    ("molecule/tests/*/test_machine.py", NEEDS_MACHINE),
    ("molecule/vm/*", NEEDS_MACHINE),
    ("molecule/accept/*", ACCEPTED),
    ("containers/vm/*", NEEDS_MACHINE),
    ("containers/hypervisor/*", NEEDS_MACHINE),
    ("containers/disk", NEEDS_MACHINE),
    ("containers/prep/*", ("prep", "failures", "traffic")),
    ("containers/waf/*", ("waf", "failures", "traffic")),
    ("tests/ansible_kit.py", RUNS_ANSIBLE),
    ("tests/command_kit.py", ("corte_night", "revocation")),
    ("tests/interpreter_kit.py", RUNS_ANSIBLE),
    ("tests/*", NO_SERVER),
    ("inventories/ejemplo/*", NO_SERVER),
    ("spec/deviations.yml", NO_SERVER),
    (".ansible-lint", NO_SERVER),
    (".yamllint", NO_SERVER),
    ("bench/crowd/*", ("flood",)),
    ("bench/*", BY_HAND),
    (".ci/*", BY_HAND),
    (".gitattributes", BY_HAND),
    (".gitignore", BY_HAND),
    (".editorconfig", BY_HAND),
    (".pre-commit-config.yaml", BY_HAND),
    ("difusor", NO_SERVER),
    # test_site runs again, with other values, the playbooks that an operator runs on the night.
    ("playbooks/preflight.yml", ("preflight",)),
    ("playbooks/trusted.yml", ("late_changes", "lockout")),
    ("playbooks/signers.yml", ("countdown_files", "late_changes")),
    ("playbooks/purge.yml", ("corte_night",)),
    ("playbooks/revoke.yml", ("revocation",)),
    ("playbooks/restore.yml", ("revocation",)),
    ("playbooks/tasks/public_answer.yml", ("revocation",)),
    ("playbooks/upgrade.yml", ("site",)),
    ("playbooks/remove.yml", ("site",)),
    ("playbooks/tasks/remove_*", ("site",)),
    ("playbooks/tasks/gate.yml", ("site",)),
    ("playbooks/tasks/published.yml", ("site",)),
    ("playbooks/tasks/restart.yml", ("site",)),
    ("playbooks/templates/*", ("site",)),
    ("playbooks/acceptance/*", ACCEPTED),
    ("roles/*/tasks/remove.yml", ("options", "site")),
    ("roles/docker/tasks/withdraw.yml", ("site",)),
    ("roles/packages/tasks/exchange.yml", ("options", "site")),
    ("roles/ufw/tasks/unlog.yml", ("site",)),
    ("roles/docker/tasks/retire.yml", ("docker", "late_changes", "site")),
    ("plugins/*/give_back.py", ("options", "site")),
    ("plugins/module_utils/ours.py", ("options", "site")),
    ("plugins/action/removed.py", ("corte_night", "options", "revocation", "site")),
    ("plugins/modules/give_back_account.py", ("late_changes", "revocation", "site")),
    ("plugins/filter/allowed_signer.py", ("corte",)),
    ("plugins/filter/corte_expected.py", ("countdown_files", "late_changes")),
    ("plugins/lookup/file_bytes.py", ("nginx", "options")),
    ("plugins/action/container.py", ("docker", "failures", "late_changes", "prep", "site", "waf")),
    ("plugins/*/judge_server.py", ("preflight", "hardware")),
    ("plugins/module_utils/probe/files.py", ("preflight",)),
    ("plugins/module_utils/probe/neighbours.py", ("preflight",)),
    ("plugins/module_utils/probe/nft.py", ("preflight",)),
    ("plugins/module_utils/probe/shutting.py", ("preflight",)),
    ("plugins/module_utils/probe/ssh.py", ("preflight",)),
    ("plugins/module_utils/probe/ufw.py", ("preflight",)),
    ("plugins/module_utils/probe/written.py", ("countdown_files", "preflight", "site")),
    ("plugins/module_utils/probe/*", ("preflight", "hardware", "site")),
    ("plugins/*/server_probe.py", ("preflight", "hardware", "site")),
    ("plugins/*/inventory_sources.py", ("preflight", "lockout")),
    ("plugins/*/validate_inventory.py", ("preflight", "documents")),
    ("plugins/*/reach_server.py", ("preflight",)),
    ("plugins/*/prove_account.py", ("lockout",)),
    ("plugins/*/prove_login.py", ("accounts", "lockout", "pam")),
    ("plugins/*/ufw_policy.py", ("ufw", "late_changes", "lockout", "network", "preflight")),
    ("scripts/corte/*", ("corte", "corte_attacks", "corte_crash", "corte_night")),
    ("scripts/difusor/acceptance/*", NO_SERVER),
    ("scripts/difusor/baseline/*", ("baseline", "countdown_files")),
    ("scripts/difusor/board/*", NO_SERVER),
    ("scripts/difusor/countdown/inside.py", ("chrony", "countdown", "countdown_files")),
    ("scripts/difusor/countdown/*", ("countdown", "countdown_files")),
    ("scripts/difusor/lab/desk/*", NO_SERVER),
    ("scripts/difusor/lab/hosts.py", BY_HAND),
    ("scripts/difusor/commands/*", NO_SERVER),
    ("molecule/tests/lab/owner.conf", ("nginx",)),
    ("scripts/difusor/inventory/passwords.py", NO_SERVER),
    ("scripts/difusor/inventory/*", ("preflight", "documents")),
    ("scripts/difusor/partners/front.py", ("front",)),
    ("scripts/difusor/partners/templates/front_*", ("front",)),
    ("scripts/difusor/partners/host_key.py", ("preflight",)),
    ("scripts/difusor/partners/revo*", ("revocation",)),
    ("scripts/difusor/partners/*", NO_SERVER),
    ("scripts/difusor/proof/*", NO_SERVER),
    ("scripts/difusor/publish/front.py", ("front",)),
    ("scripts/difusor/publish/keys.py", NO_SERVER),
    ("scripts/difusor/publish/off_list.py", ("revocation",)),
    ("scripts/difusor/publish/*", ("corte", "corte_attacks", "corte_crash", "corte_night")),
    ("scripts/difusor/report/comparison.py", NO_SERVER),
    ("scripts/difusor/report/dictamen.py", NO_SERVER),
    ("scripts/difusor/report/history.py", NO_SERVER),
    ("scripts/difusor/report/index.py", NO_SERVER),
    ("scripts/difusor/report/issue.py", NO_SERVER),
    ("scripts/difusor/report/several.py", NO_SERVER),
    ("scripts/difusor/report/verdict.py", NO_SERVER),
    ("scripts/difusor/report/templates/*", NO_SERVER),
    ("scripts/difusor/servers/bans.py", ("fail2ban",)),
    ("scripts/difusor/servers/connection.py", ("preflight",)),
    ("scripts/difusor/servers/expected.py", ("countdown_files", "late_changes", "preflight", "site")),
    ("scripts/difusor/servers/neighbours.py", ("preflight", "ssh")),
    ("scripts/difusor/servers/leads.py", ("names",)),
    ("scripts/difusor/servers/ansible_options.py", NO_SERVER),
    ("scripts/difusor/servers/limits.py", NO_SERVER),
    ("scripts/difusor/servers/playbook.py", NO_SERVER),
    ("scripts/difusor/servers/portscan.py", ("network", "vantage")),
    ("scripts/difusor/servers/diagnosis.py", ("preflight", "hardware")),
    ("scripts/difusor/servers/notices.py", ("preflight",)),
    ("scripts/difusor/servers/parameters.py", ("preflight",)),
    ("scripts/difusor/servers/preflight.py", ("preflight",)),
    ("scripts/difusor/servers/sshd.py", ("preflight",)),
    ("scripts/difusor/servers/rawhttp.py", ("fail2ban", "failures", "nginx", "options", "traffic", "waf")),
    ("scripts/difusor/servers/sudo.py", ("sudo",)),
    ("scripts/difusor/servers/ways.py", ("preflight",)),
    ("scripts/difusor/servers/webserver.py", ("preflight",)),
    ("scripts/difusor/servers/wrappers.py", ("preflight",)),
    ("scripts/difusor/spec/deviations.py", NO_SERVER),
    ("scripts/difusor/spec/tailoring.py", NO_SERVER),
    ("catalogs/*", ("corte", "corte_night", "prep")),
    ("scripts/difusor/catalog/*", ("corte", "corte_night", "prep")),
    ("scripts/difusor/synthetic/due.py", NO_SERVER),
    ("scripts/difusor/synthetic/*", ("corte", "corte_night", "prep")),
    ("scripts/difusor/suite/everyone.py", NO_SERVER),
    ("scripts/difusor/suite/link.py", ("network",)),
    ("scripts/difusor/suite/ports.py", ("network",)),
    ("scripts/difusor/suite/turns.py", ("network",)),
    ("scripts/difusor/terminal/arguments.py", NO_SERVER),
    ("scripts/difusor/terminal/running.py", NO_SERVER),
    ("scripts/difusor/terminal/spanish.py", NO_SERVER),
    ("scripts/difusor/cli.py", NO_SERVER),
)


ROLES_AND_DOCUMENTS = ("roles/*", "docs/*", "*.md")
"""After a change of these alone, the unit tests of APART are left out."""
APART = (
    "tests/corte", "tests/difusor/board", "tests/difusor/catalog", "tests/difusor/lab", "tests/difusor/listing",
    "tests/difusor/papers", "tests/difusor/publish", "tests/difusor/report", "tests/difusor/synthetic",
    "tests/difusor/suite", "tests/difusor/terminal", "tests/difusor/test_accessibility.py",
)  # fmt: skip
"""Unit tests that judge nothing of ROLES_AND_DOCUMENTS but NOTICES; some copy all files of the project."""
NOTICES = "roles/nginx/templates/usr/share/prep/avisos/*"
"""The pages that nginx shows by itself, which are tested in a browser together with the application's."""


def affected(path: str) -> tuple[tuple[str, ...], str]:
    """Return the names of the test files that a change of this path can affect, or EVERYTHING.

    Names are without folder, `test_` and `.py`. When no test file is affected, the second value says why, in Spanish;
    otherwise it is empty.
    """
    for pattern, target in PATHS:
        if fnmatchcase(path, pattern):
            return ((), target) if isinstance(target, str) else (target, "")
    parts = path.split("/")
    if parts[0] == "roles" and parts[1] in TESTS_OF_ROLES:
        return TESTS_OF_ROLES[parts[1]], ""
    if fnmatchcase(path, "molecule/tests/*/test_*.py"):
        return (parts[-1].removeprefix("test_").removesuffix(".py"),), ""
    return (EVERYTHING,), ""


def unit_tests_apart(files: Collection[str]) -> tuple[str, ...]:
    """Return the folders and files of the unit tests that a change of these paths cannot affect: APART, or none."""
    apart = all(
        any(fnmatchcase(path, pattern) for pattern in ROLES_AND_DOCUMENTS) and not fnmatchcase(path, NOTICES)
        for path in files
    )
    return APART if files and apart else ()
