"""What every server of every release takes and serves: one table, for signing, for the intake and for the roles.

`sign` and the intake refuse by it; the roles set the daemon's largest file and the WAF's list of file types from it (by
the filter `corte_limit`). It names no property of characters that a later Python could judge otherwise.
"""

from __future__ import annotations

from string import ascii_letters, digits

MAX_FILE_BYTES = 2 * 1024**3
"""Largest single file: the rsync daemon cannot write more into one file."""
MAX_CORTE_BYTES = 8 * 1024**3
"""All files of a corte together."""
MAX_FOLDERS = 10_000
"""The daemon's limit of files counts folders too; together with the most files they stay below it."""

PUNCTUATION = " !#$%&'()+,-.=@_~"
LETTERS = "".join(
    chr(code)
    for first, last in ((0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x17F), (0x1E00, 0x1E9B), (0x1EA0, 0x1EF9))
    for code in range(first, last + 1)
)
"""Letters besides ASCII: those of Latin alphabets with their accents, as one character each.

Their names, folding and normal forms are the same in every Unicode version since 3.2. Combining marks, other scripts
and characters that are not visible are left out, because two names that look alike could differ in them.
"""
CHARACTERS = frozenset(ascii_letters + digits + PUNCTUATION + LETTERS)

REFUSED_TYPES = (
    "ani", "asa", "asax", "ascx", "axd", "back", "backup", "bak", "bat", "bck", "bk", "bkp", "cdx", "cer", "cfg", "cmd",
    "cnf", "com", "compositefont", "conf", "config", "copy", "crt", "cs", "csproj", "csr", "dat", "db", "dbf", "dist",
    "dll", "dos", "dpkg-dist", "drv", "gadget", "hta", "htr", "htw", "ida", "idc", "idq", "inc", "inf", "ini", "jks",
    "jse", "key", "licx", "lnk", "log", "mdb", "msc", "ocx", "old", "pass", "pdb", "pem", "pfx", "pif", "pol", "prf",
    "printer", "pwd", "rdb", "rdp", "reg", "resources", "resx", "sav", "save", "scr", "sct", "sh", "shs", "sql",
    "sqlite", "sqlite3", "swap", "swo", "swp", "sys", "temp", "tfstate", "tlb", "tmp", "vb", "vbe", "vbproj", "vbs",
    "vsdisco", "vxd", "webinfo", "ws", "wsc", "wsf", "wsh", "xsd", "xsx",
)  # fmt: skip
"""File types that the WAF refuses (its rule 920440), in lower case: of configuration, backups, databases, programs.

It replaces the rule set's own list, which differs between versions.
"""
BACKUP = "~"
"""How names of editors' backup files end, which the WAF refuses too."""
FOLDERS = ("actas", "datos", "descargas")
"""The folders of a corte: nothing below them is the application's."""
HEAVY = ("actas",)
"""Those of them that light mode does not send: images of actas weigh more than all other files."""
RESERVED = ("_aviso", "_fast", "_inspect", "healthz")
"""Names at the top of the site that nginx or the application answers itself, whatever the corte has."""
