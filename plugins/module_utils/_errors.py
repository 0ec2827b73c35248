# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. PRIVATE to coffer.velero.

Everything that a task can fail with on purpose is a :class:`CofferError`; the runner turns it into ``msg``.
"""

from __future__ import annotations


class CofferError(Exception):
    """Something went wrong that the user has to know about; the text is complete as it stands."""


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

    def add_hint(self, hint: str) -> None:
        """Add what the service's words mean where it was asked."""
        self.args = (f"{self} {hint}",)


class OperationFailed(CofferError):
    """Something that Velero did not do, or not well, with its cause.

    :param state: what it is instead, for example a phase
    :param layer: where the cause is, one of the words of ``_velero/error_catalog.py``
    :param message: all of it, as sentences
    """

    def __init__(self, resource: str, state: str, layer: str, cause: str, remediation: str, message: str) -> None:
        super().__init__(message)
        self.resource = resource
        self.state = state
        self.layer = layer
        self.cause = cause
        self.remediation = remediation


class ConflictError(CofferError):
    """The object changed between reading and writing, or the fate of a write is unknown: read again, decide again."""

    def __init__(self, cause: ServiceError) -> None:
        super().__init__(str(cause))
        self.cause = cause
