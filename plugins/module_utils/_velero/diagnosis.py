# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what can be seen of a backup or restore that does not end, or not well, to its cause. Pure. PRIVATE to
coffer.velero.

A layer is checked only where those below it are well: without a server nothing moves, without its plugin no location
is available, without the location no backup is begun.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from dataclasses import dataclass

from .._errors import OperationFailed
from . import operation
from .error_catalog import Diagnosis, explain
from .messages import plain, remediation_for
from .model import PLUGIN

_LOG = "See the log of the Velero server: kubectl -n {namespace} logs deployment/velero."
_SHOWN = 5
_LONGEST = 600


@dataclass(frozen=True)
class Server:
    """The server, as far as it answers.

    :param answers: ``None`` where it could not be asked
    :param workload: what is known of its Deployment, as a sentence without its full stop
    """

    answers: bool | None
    plugins: tuple[str, ...] = ()
    workload: str = ""


@dataclass(frozen=True)
class Location:
    """A location; no phase before its first validation, and ``Missing`` where there is none."""

    name: str
    phase: str
    message: str = ""
    plugin: str = PLUGIN


@dataclass(frozen=True)
class ObjectReadResult:
    """An object of the backup, read with the right of Velero's role.

    :param outcome: ``read``, ``refused`` (S3 said no), ``missing``, or ``unreachable`` from here
    """

    outcome: t.Literal["read", "refused", "missing", "unreachable"]
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen. ``None`` stands for what was not checked.

    :param status_texts: what the object's own status says: failure reason and validation errors
    :param results: the errors that Velero keeps of it in S3
    :param log: lines of its log in S3 that report an error
    :param unread: why neither could be read, as a sentence without its full stop
    :param running: other backups or restores that are not done, with their phases
    :param operations: data movers that are not done, or failed
    :param retried: whether Velero was asked to try again, and did not get further
    :param seconds: how long there was no progress
    """

    resource: str
    namespace: str
    phase: str
    deleting: bool = False
    status_texts: tuple[str, ...] = ()
    errors: int = 0
    server: Server | None = None
    location: Location | None = None
    repositories: tuple[str, ...] = ()
    read_result: ObjectReadResult | None = None
    results: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    unread: str = ""
    running: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    progress: str = ""
    retried: bool = False
    seconds: int | None = None

    @property
    def ended(self) -> bool:
        return self.phase in operation.TERMINAL and not self.deleting


def diagnose(evidence: Evidence) -> Diagnosis:
    """The cause, as far as the evidence goes."""
    rules = _OF_AN_END if evidence.ended else _OF_A_STANDSTILL
    found = (rule(evidence) for rule in rules)
    return next((diagnosis for diagnosis in found if diagnosis is not None), _unknown(evidence))


def _server(evidence: Evidence) -> Diagnosis | None:
    server = evidence.server
    if server is None or server.answers is not False:
        return None
    cause = f"the Velero server does not answer ({server.workload or 'nothing is known of its Deployment'})"
    remediation = f"Bring it up: kubectl -n {evidence.namespace} get deployments,pods. Nothing moves without it."
    return Diagnosis("server", cause, remediation)


def _plugin(evidence: Evidence) -> Diagnosis | None:
    server, desired = evidence.server, evidence.location.plugin if evidence.location else PLUGIN
    if server is None or not server.answers or desired in server.plugins:
        return None
    if desired == PLUGIN:
        return explain("unable to locate ObjectStore plugin")
    return Diagnosis("plugin", f"Velero runs without the plugin {desired}", "Add it: velero plugin add.")


def _location(evidence: Evidence) -> Diagnosis | None:
    location = evidence.location
    if location is None or location.phase == "Available":
        return None
    resource = f'BackupStorageLocation "{location.name}"'
    if location.phase == "Missing":
        remediation = "Make it (coffer.velero.backup_storage_location); the backup belongs to it."
        return Diagnosis("location", f"{resource} does not exist", remediation)
    if not location.phase:
        remediation = "Velero validates it within a minute, if its server runs."
        return Diagnosis("location", f"{resource} was never validated", remediation, final=False)
    known = explain(location.message)
    cause = f"{resource} is {location.phase}: {plain(location.message)}"
    layer = known.layer if known else "location"
    remediation = known.remediation if known else remediation_for(location.message)
    # What is at work already asks for the location again when it is done, and it may be well by then.
    return Diagnosis(layer, cause, remediation, final=evidence.phase not in operation.WAITING | {"InProgress"})


def _recovered(evidence: Evidence) -> Diagnosis | None:
    """A location that was not available when the operation began, and is now."""
    location = evidence.location
    if location is None or location.phase != "Available" or "navailable" not in " ".join(evidence.status_texts):
        return None
    cause = f'BackupStorageLocation "{location.name}" was not available then; it is now'
    return Diagnosis("location", cause, "Remove it (state=absent) and run the task again.")


def _from_status(evidence: Evidence) -> Diagnosis | None:
    """What the status says. A location that is Unavailable says itself why, and EOF hides what S3 said."""
    texts = [text for text in evidence.status_texts if "navailable" not in text and not text.rstrip().endswith("EOF")]
    return explain("\n".join(texts)) if texts else None


def _from_results(evidence: Evidence) -> Diagnosis | None:
    """What the results or the log say, where the status says nothing that is known."""
    texts = (*evidence.results, *evidence.log)
    found = explain("\n".join(texts)) if texts else None
    if found is None and evidence.results:
        count = f"{evidence.errors} error{'s' * (evidence.errors != 1)}"
        remediation = (
            "See the errors. Then remove it (state=absent) and run the task again, or accept it (accepted_phases)."
        )
        return Diagnosis("content", f"not everything could be handled ({count})", remediation)
    return found


def _repository(evidence: Evidence) -> Diagnosis | None:
    if not evidence.repositories:
        return None
    text = "; ".join(evidence.repositories[:_SHOWN])
    known = explain(text) or t.cast(Diagnosis, explain("kopia"))
    return Diagnosis(known.layer, f"kopia's repository is not ready: {_short(text)}", known.remediation, final=False)


def _invalid(evidence: Evidence) -> Diagnosis | None:
    diagnosis = Diagnosis("request", "Velero does not accept the spec", "Correct the options of the task.")
    return diagnosis if evidence.phase == "FailedValidation" else None


def _read_back(evidence: Evidence) -> Diagnosis | None:
    """S3's own answer to Velero's right to read: the plugin reads back what it wrote before it is done."""
    if evidence.phase not in operation.FINALIZING or evidence.read_result is None:
        return None
    read_result = evidence.read_result
    if read_result.outcome == "refused":
        found = explain(f"reading back: {read_result.text}")
        cause = found.cause if found else f"S3 does not let Velero read back what it wrote: {_short(read_result.text)}"
        remediation = (
            found.remediation if found else "Compare the rights of Velero's role with coffer.velero.iam_policy."
        )
        return Diagnosis(found.layer if found else "storage", cause, f"{remediation} {_AFTERWARDS}")
    if read_result.outcome == "read" and not evidence.retried:
        cause = "Velero can read back what it wrote, and was asked to try again"
        return Diagnosis("storage", cause, "It tries by itself within 16 minutes.", final=False)
    return None


_AFTERWARDS = "Then run the task again: it asks Velero to try at once, which by itself may take it 16 minutes."


def _finalizing(evidence: Evidence) -> Diagnosis | None:
    """The long silence: everything was written, and Velero tries again and again to read it."""
    if evidence.phase not in operation.FINALIZING:
        return None
    why = evidence.read_result.text if evidence.read_result else ""
    cause = "Velero wrote everything and does not get further, most often because it may not read it back (kms:Decrypt)"
    if why:
        cause += f"; from here this could not be tried: {_short(why)}"
    found = t.cast(Diagnosis, explain("kms:Decrypt"))
    remediation = f"{found.remediation} {_LOG.format(namespace=evidence.namespace)} {_AFTERWARDS}"
    return Diagnosis("key", cause, remediation, final=evidence.retried)


def _queued(evidence: Evidence) -> Diagnosis | None:
    if evidence.phase not in operation.UNSTARTED or not evidence.running:
        return None
    cause = f"Velero is at work on others: {', '.join(evidence.running[:_SHOWN])}"
    remediation = "Wait longer (wait_timeout)."
    if evidence.resource.startswith("Backup"):
        remediation = "Wait longer (wait_timeout), or let the server run more at a time (--concurrent-backups)."
    return Diagnosis("queue", cause, remediation, final=False)


def _unstarted(evidence: Evidence) -> Diagnosis | None:
    if evidence.phase == "Queued":
        cause = "nothing else is at work, and Velero does not take it out of its queue"
        remediation = (
            "It looks again once a minute. If that does not help, it has lost count of what runs, as Velero 1.18 can "
            "when a backup fails its validation at once: restart it, kubectl -n {} rollout restart deployment/velero."
        )
        final = (evidence.seconds or 0) > 90  # Velero checks its queue once a minute, whatever it missed
        return Diagnosis("queue", cause, remediation.format(evidence.namespace), final=final)
    if evidence.phase == "ReadyToStart":
        cause = "Velero was about to begin, and did not: its server was restarted at that moment"
        return Diagnosis("server", cause, "Nothing begins it again: remove it (state=absent) and run the task again.")
    if evidence.phase not in operation.UNSTARTED:
        return None
    cause = "the server answers, and does not take it up"
    remediation = f"Is a controller switched off (--disable-controllers)? {_LOG.format(namespace=evidence.namespace)}"
    return Diagnosis("server", cause, remediation, final=False)


def _operations(evidence: Evidence) -> Diagnosis | None:
    if evidence.phase not in operation.WAITING:
        return None
    text = "; ".join(evidence.operations[:_SHOWN])
    cause = f"data movers are at work: {_short(text)}" if text else "plugins are at work on items"
    remediation = "Wait longer (wait_timeout). Velero gives up after item_operation_timeout, 4 hours by default."
    known = explain(text) if text else None
    layer = known.layer if known else "operations"
    return Diagnosis(layer, cause, f"{known.remediation} {remediation}" if known else remediation, final=False)


def _working(evidence: Evidence) -> Diagnosis | None:
    if evidence.phase != "InProgress":
        return None
    text = "; ".join((evidence.progress, *evidence.operations[:_SHOWN])).strip("; ")
    cause = f"Velero is still at work{f' ({_short(text)})' if text else ''}"
    return Diagnosis("operations", cause, "Wait longer (wait_timeout).", final=False)


def _unknown(evidence: Evidence) -> Diagnosis:
    reason = _short(plain("; ".join(evidence.status_texts))) if evidence.status_texts else "Velero does not say why"
    return Diagnosis("unknown", reason, _LOG.format(namespace=evidence.namespace), final=evidence.ended)


_Rule = Callable[[Evidence], "Diagnosis | None"]
_OF_AN_END: tuple[_Rule, ...] = (_from_status, _from_results, _location, _recovered, _invalid, _repository)
_OF_A_STANDSTILL: tuple[_Rule, ...] = (
    _server,
    _plugin,
    _location,
    _read_back,
    _finalizing,
    _queued,
    _unstarted,
    _repository,
    _operations,
    _working,
)


def _short(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def report(evidence: Evidence, diagnosis: Diagnosis) -> OperationFailed:
    """The error of a task: what, since when, why, what to do, and what Velero itself says."""
    state = "being deleted" if evidence.deleting else evidence.phase
    since = "" if evidence.seconds is None else f" for {evidence.seconds} s"
    parts = [f"{evidence.resource} is {state}{since}: {diagnosis.cause}.", diagnosis.remediation]
    if evidence.ended and "emove it" not in diagnosis.remediation:
        parts.append("Then remove it (state=absent), and run the task again.")
    status_texts = _short(plain("; ".join(evidence.status_texts))) if evidence.status_texts else ""
    if status_texts and status_texts not in diagnosis.cause:
        parts.append(f"Velero says: {status_texts}.")
    for title, lines in (("Errors", evidence.results), ("Log", evidence.log)):
        if lines:
            more = f" (and {len(lines) - _SHOWN} more)" if len(lines) > _SHOWN else ""
            parts.append(f"{title}{more}: " + " | ".join(_short(line) for line in lines[:_SHOWN]))
    answer = evidence.unread.partition(": ")[2] or evidence.unread
    if answer and answer not in " ".join(evidence.status_texts):
        parts.append(f"{_short(evidence.unread)}.")
    return OperationFailed(
        evidence.resource, state, diagnosis.layer, diagnosis.cause, diagnosis.remediation, " ".join(parts)
    )
