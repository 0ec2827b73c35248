# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is going to do, as a value. PRIVATE to coffer.velero.

A module reads the current state and decides on a :class:`Plan`: the requests to send, in order, and the named
differences that they remove. ``changed``, the diff and the result all follow from the plan, so that a check run
and a real run cannot tell different stories.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ._errors import CofferError

#: The id of a key that a check run would create. KMS chooses the real one, so no key ever has it.
PLACEHOLDER_KEY_ID = "00000000-0000-0000-0000-000000000000"

#: The characters of a value that a summary shows.
_SHOWN = 80


@dataclass(frozen=True)
class Computed:
    """A value that only the service can choose, for example the id of a key that is yet to be created.

    :param name: the name under which a :class:`Step` outputs it
    :param placeholder: what a check run shows in its place
    """

    name: str
    placeholder: t.Any


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it is wanted. ``None`` stands for absent."""

    name: str
    before: t.Any
    after: t.Any


@dataclass(frozen=True)
class Step:
    """One request.

    :param action: the request, ``service:Operation`` for AWS and ``VERB /path`` for Kubernetes
    :param arguments: its parameters; may hold :class:`Computed` values that an earlier step outputs
    :param outputs: names for values of the answer, ``{"key_id": "KeyMetadata.KeyId"}``
    """

    action: str
    arguments: Mapping[str, t.Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


#: What a part of a plan sends, and what that changes.
Changes = tuple[Sequence[Step], Sequence[Difference]]
NOTHING: Changes = ((), ())


def joined(parts: Sequence[Changes]) -> tuple[tuple[Step, ...], tuple[Difference, ...]]:
    """The steps and differences of all parts, in their order."""
    return tuple(step for part in parts for step in part[0]), tuple(one for part in parts for one in part[1])


def created(shown: Mapping[str, t.Any]) -> tuple[Difference, ...]:
    """The differences of something new: whatever it has."""
    return tuple(Difference(name, None, value) for name, value in shown.items() if value not in (None, "", [], {}))


@dataclass(frozen=True)
class Plan:
    """What to do, why, and what the task returns.

    :param steps: the requests, in order
    :param differences: what they change; empty exactly where ``steps`` is
    :param result: what the task returns; may hold :class:`Computed` values
    :param warnings: what the user should know even where nothing is changed
    :param unmet_dependency: what is not there yet that an earlier task makes: a check run goes on, a real run ends with
        it
    """

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    result: Mapping[str, t.Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unmet_dependency: CofferError | None = None

    def __post_init__(self) -> None:
        if bool(self.steps) != bool(self.differences):
            raise ValueError("a plan has steps exactly where it has differences")

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def diff(self) -> dict[str, dict[str, t.Any]]:
        """The differences in the form that Ansible prints. An absent value is left out of its side."""
        return {
            "before": {d.name: d.before for d in self.differences if d.before is not None},
            "after": {d.name: d.after for d in self.differences if d.after is not None},
        }


def compare(wanted: Mapping[str, t.Any], current: Mapping[str, t.Any]) -> tuple[Difference, ...]:
    """The differences between two flat documents, for the wanted names only, in the order of ``wanted``."""
    return tuple(
        Difference(name, current.get(name), value) for name, value in wanted.items() if current.get(name) != value
    )


def resolve(value: t.Any, outputs: Mapping[str, t.Any]) -> t.Any:
    """Replace every :class:`Computed` value by what was learned, else by what was placeholder."""
    if isinstance(value, Computed):
        return outputs.get(value.name, value.placeholder)
    if isinstance(value, Mapping):
        return {key: resolve(item, outputs) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(item, outputs) for item in value]
    return value


_written: ContextVar[list[str] | None] = ContextVar("written", default=None)


@contextmanager
def recorded_writes() -> Iterator[list[str]]:
    """The actions of the steps that are carried out meanwhile, those too of which nobody knows whether they were."""
    written: list[str] = []
    token = _written.set(written)
    try:
        yield written
    finally:
        _written.reset(token)


def record_write(action: str) -> None:
    """Called by those who send the requests of steps, and of writes that are no step."""
    written = _written.get()
    if written is not None:
        written.append(action)


def outputs_of(step: Step, answer: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The values that a step's answer gives a name to.

    :raises KeyError: where the answer lacks one of them
    """
    outputs = {}
    for name, path in step.outputs.items():
        value: t.Any = answer
        for part in path.split("."):
            value = value[part]
        outputs[name] = value
    return outputs


def summary_lines(where: str, resource: str, planned: Mapping[str, t.Any]) -> list[str]:
    """A line for each planned difference: where, what, from, to. What a resource gets anew is one line.

    :param planned: ``before`` and ``after`` of a diff
    """
    before, after = planned.get("before") or {}, planned.get("after") or {}
    names = dict.fromkeys((*before, *after))
    if not before and len(names) > 1:
        return [f"{where}: {resource}: new: {', '.join(names)}"]
    return [f"{where}: {resource}: {name}: {_change(before.get(name), after.get(name))}" for name in names]


def _change(before: t.Any, after: t.Any) -> str:
    """From what to what; of lists and mappings what comes, what goes, and what becomes another."""
    if isinstance(before, list) and isinstance(after, list):
        parts = [f"+ {_shown(one)}" for one in after if one not in before]
        parts += [f"- {_shown(one)}" for one in before if one not in after]
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        parts = [f"+ {name}" for name in after if name not in before]
        parts += [f"- {name}" for name in before if name not in after]
        common = (name for name in before if name in after and before[name] != after[name])
        parts += [f"{name}: {_shown(before[name])} -> {_shown(after[name])}" for name in common]
    else:
        parts = []
    return ", ".join(parts) or f"{_shown(before)} -> {_shown(after)}"


def _shown(value: t.Any) -> str:
    """A value short enough for its line; what only the service can choose is named as such."""
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = text.replace(PLACEHOLDER_KEY_ID, "(known after apply)")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
