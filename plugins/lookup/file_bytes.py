"""Reads a file of the operator's whose bytes need not be UTF-8, as a certificate's and a sensor's rules need not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: file_bytes
short_description: Read a file on the controller, with every byte preserved
description:
  - Returns the whole text of a file, decrypted when it is a vault. Bytes that are no UTF-8 are escaped
    (C(surrogateescape)), and the action C(managed_files) writes them as they were.
  - C(ansible.builtin.file) warns of such a file, and from ansible-core 2.23 on it refuses it.
options:
  _terms:
    description: Absolute paths.
    type: list
    elements: path
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
text: "{{ lookup('file_bytes', nginx_tls_key) }}"
"""

RETURN = r"""
_raw:
  description: The texts.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Read each file as the inventory's check reads it."""

    def run(self, terms: Sequence[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return the text of each file; AnsibleError when there is none, or no password opens the vault."""
        files = (Path(self._loader.get_real_file(path)) for path in terms)
        return [file.read_bytes().decode(errors="surrogateescape") for file in files]
