# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs as values, with their constraints. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

Options = Mapping[str, Mapping[str, t.Any]]


@dataclass(frozen=True)
class ArgumentSpec:
    """The options of a module, and what must hold between them, in the words of ``AnsibleModule``.

    :param missing_collection: the collection that has the connection options, where it is not installed
    :param secrets: what no output may show beyond the options marked ``no_log``, found in the validated options
    """

    options: Options
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_together: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()
    required_if: Sequence[tuple[str, t.Any, Sequence[str]]] = ()
    required_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    missing_collection: str | None = None
    secrets: Callable[[Mapping[str, t.Any]], Collection[str]] = lambda params: ()

    def arguments(self) -> dict[str, t.Any]:
        """The keyword arguments of ``AnsibleModule`` and of ``ArgumentSpecValidator``'s constraints."""
        return {"argument_spec": {name: dict(option) for name, option in self.options.items()}, **self.constraints()}

    def constraints(self) -> dict[str, t.Any]:
        return {
            "mutually_exclusive": [list(names) for names in self.mutually_exclusive],
            "required_together": [list(names) for names in self.required_together],
            "required_one_of": [list(names) for names in self.required_one_of],
            "required_if": [(name, value, list(names)) for name, value, names in self.required_if],
            "required_by": {name: list(names) for name, names in self.required_by.items()},
        }


#: Whether the thing should be there.
STATE: Options = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

#: The Sids whose statement is replaced or removed whoever wrote it.
REPLACE_SIDS: Options = {"replace_sids": {"type": "list", "elements": "str", "default": []}}

#: Our statements in a policy that others write to as well.
STATEMENTS: Options = {
    "statements": {"type": "list", "elements": "dict"},
    "sids": {"type": "list", "elements": "str"},
    **STATE,
    "purge_statements": {"type": "bool", "default": False},
    **REPLACE_SIDS,
}

#: Tags as the whole AWS ecosystem of Ansible spells them.
TAGS: Options = {
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool", "default": True},
}
