# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests the modules of a role can send, to compare with the policy of whoever runs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.coffer.velero."
#: No requests are sent there: the door to AWS itself, and where the permissions and requests of others are named.
NO_REQUESTS = ("_aws.py", "_documents.py", "requests.py")


@cache
def code(path: Path) -> tuple[list[ast.ImportFrom], set[str]]:
    """What a file imports, and its strings."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return [node for node in nodes if isinstance(node, ast.ImportFrom)], texts


def sources(roles: Iterable[str]) -> Iterator[Path]:
    """The modules of the roles, and all that they import of this collection."""
    tasks = "".join(path.read_text() for role in roles for path in (ROOT / "roles" / role / "tasks").glob("*.yml"))
    names = [f"plugins.modules.{name}" for name in sorted(set(re.findall(r"^ +coffer\.velero\.(\w+):$", tasks, re.M)))]
    for name in names:
        path = ROOT / (name.replace(".", "/") + ".py")
        if not path.exists() or path.name in NO_REQUESTS:
            continue
        yield path
        within = [node for node in code(path)[0] if node.level or (node.module or "").startswith(COLLECTION)]
        modules = [absolute(node, name) for node in within]
        modules += [f"{m}.{alias.name}" for m, node in zip(modules, within, strict=True) for alias in node.names]
        names += [one for one in dict.fromkeys(modules) if one not in names]


def absolute(node: ast.ImportFrom, importer: str) -> str:
    """The name of an imported module below the collection."""
    if not node.level:
        return str(node.module).removeprefix(COLLECTION)
    return ".".join([*importer.split(".")[: -node.level], *([node.module] if node.module else [])])


def requests(roles: Iterable[str], services: str) -> set[str]:
    """Every ``service:Operation`` in the code; of ``f"iam:Tag{kind}"`` what is before the brace.

    :param services: their names with ``|`` between them
    """
    request = re.compile(rf"({services}):[A-Z][A-Za-z]+")
    return {text for path in sources(roles) for text in code(path)[1] if request.fullmatch(text)}


def actions_of(document: dict[str, Any]) -> set[str]:
    """All that a policy allows."""
    return {action for statement in document["Statement"] for action in statement["Action"]}


def statement(document: dict[str, Any], sid: str) -> dict[str, Any]:
    """The one statement of this Sid."""
    (found,) = [one for one in document["Statement"] if one["Sid"] == sid]
    return dict(found)
