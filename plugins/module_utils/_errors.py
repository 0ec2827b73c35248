# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. PRIVATE to coffer.velero.

Everything that a task can fail with is a :class:`CofferError`; the runner turns it into ``msg`` and ``error``.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class CofferError(Exception):
    """Something went wrong that the user has to know about; the text is complete, its last sentence says what to do."""

    def describe(self) -> dict[str, str]:
        """The same in parts, for the task's ``error``."""
        cause, _space, remediation = str(self).rpartition(". ")
        return {"cause": cause or str(self), "remediation": remediation}


class ValidationError(CofferError):
    """A request that is refused before anything is changed.

    :param option: the option (or variable) that has to be changed
    :param resource: the object that the option speaks of
    :param reason: why the request cannot be carried out, in one sentence without its full stop
    :param remediation: what to do, as a sentence
    """

    def __init__(self, option: str, resource: str, reason: str, remediation: str) -> None:
        super().__init__(f"{option}: {resource} {reason}. {remediation}")
        self.option = option
        self.resource = resource
        self.reason = reason
        self.remediation = remediation

    def describe(self) -> dict[str, str]:
        return {
            "option": self.option,
            "object": self.resource,
            "cause": self.reason,
            "remediation": self.remediation,
        }


class ServiceError(CofferError):
    """AWS or Kubernetes refused a request, or could not be reached.

    :param action: the request in the words of IAM or HTTP, for example ``kms:DescribeKey``
    :param code: the service's error code, for example ``AccessDeniedException`` or ``404``
    :param message: the service's own words
    :param status: the HTTP status, 0 where there was no answer
    """

    def __init__(self, action: str, code: str, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(f"{action} failed: {code}: {message}" + (f" {hint}" if hint else ""))
        self.action = action
        self.code = code
        self.status = status
        self.message = message
        self.hint = hint

    def add_hint(self, hint: str) -> None:
        """Add what the service's words mean where it was asked."""
        self.args = (f"{self} {hint}",)
        self.hint = f"{self.hint} {hint}".strip()

    def describe(self) -> dict[str, str]:
        remediation = self.hint or "Correct what the answer names, and run the task again."
        return {"action": self.action, "code": self.code, "cause": self.message, "remediation": remediation}


class OperationFailed(CofferError):
    """Something that Velero did not do, or not well, with its cause.

    :param state: what it is instead, for example a phase
    :param layer: where the cause is, one of the words of ``_velero/error_catalog.py``
    :param message: all of it, as sentences, where it is more than these
    """

    def __init__(
        self, resource: str, state: str, layer: str, cause: str, remediation: str, message: str | None = None
    ) -> None:
        super().__init__(f"{resource}: {cause}. {remediation}" if message is None else message)
        self.resource = resource
        self.state = state
        self.layer = layer
        self.cause = cause
        self.remediation = remediation

    def describe(self) -> dict[str, str]:
        return {
            "object": self.resource,
            "state": self.state,
            "layer": self.layer,
            "cause": self.cause,
            "remediation": self.remediation,
        }


class ConflictError(CofferError):
    """The object changed between reading and writing, or the fate of a write is unknown: read again, decide again."""

    def __init__(self, cause: ServiceError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    def describe(self) -> dict[str, str]:
        return self.cause.describe()


class UnforeseenError(CofferError):
    """What no part of the collection has words for, as one sentence: Python's own are in the task's ``exception``."""

    def __init__(self, error: Exception) -> None:
        self.resource, self.reason, self.remediation = _unforeseen(error)
        super().__init__(f"{self.resource}: {self.reason}. {self.remediation}")
        self.traceback = "".join(traceback.format_exception(error))

    def describe(self) -> dict[str, str]:
        return {"object": self.resource, "cause": self.reason, "remediation": self.remediation}


def _unforeseen(error: Exception) -> tuple[str, str, str]:
    """Object, cause and remediation of an error of Python's."""
    if isinstance(error, OSError) and error.strerror:
        resource = str(error.filename or "a file or connection")
        remediation = "Correct the path, its permissions or the space on its disk, on the machine that runs the task."
        return resource, f"cannot be used: {error.strerror}", remediation
    if isinstance(error, UnicodeError):
        return "a text", "is not UTF-8", "Save the files that the task's options name as UTF-8."
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "coffer" in frame.filename] or frames
    place = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    reason = f"stopped at an answer or a value that it does not know{place}"
    return "coffer.velero", reason, "Run the task with -vvv, and report what it shows as a defect of the collection."
