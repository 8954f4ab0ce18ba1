"""Texts and names of files in UTF-8, whatever locale the operator's environment names."""

from __future__ import annotations

import locale
import os
import sys

UTF8 = "C.UTF-8"
"""A locale that every system has, with texts in UTF-8."""


def in_utf8() -> dict[str, str]:
    """Make texts UTF-8; return the environment variables that had to be set for it.

    Replaces this process by another one when Python has begun with names of files that are not in UTF-8.
    """
    if _has_utf8() and "utf8" not in sys._xoptions:  # the option of the process that this one replaces
        return {}
    os.environ["LC_ALL"] = UTF8
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    return {"LC_ALL": UTF8}


def _has_utf8() -> bool:
    """Tell whether the locale of the environment exists and is in UTF-8; in another one Ansible refuses to run."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        return (locale.getlocale()[1] or "").upper() in ("UTF-8", "UTF8")
    except (locale.Error, ValueError):
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)
