# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From evidence to a cause: each phase, and each layer before the next one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.diagnosis import (
    Evidence,
    Location,
    ObjectReadResult,
    Server,
    diagnose,
    report,
)

UP = Server(True, ("velero.io/aws",))
DOWN = Server(False, workload="Deployment/velero is scaled to 0")
BARE = Server(True, ("velero.io/gcp",))
HIDDEN = Server(None)
GOOD = Location("default", "Available")
BAD = Location("default", "Unavailable", 'BackupStorageLocation "default" is unavailable: AccessDenied: Access Denied')
TRUST = Location("default", "Unavailable", "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity")
UNAVAILABLE = "backup can't be created because BackupStorageLocation default is in Unavailable status."
DECRYPT = "AccessDenied: User: x is not authorized to perform: kms:Decrypt on resource: y"


def seen(phase: str, **more: Any) -> Evidence:
    return Evidence(resource='Backup "b"', namespace="velero", phase=phase, **more)


STANDSTILLS: list[tuple[Evidence, str, str, bool]] = [
    # the server before anything else
    (seen("New", server=DOWN, location=BAD), "server", "does not answer (Deployment/velero is scaled to 0)", True),
    (seen("New", server=Server(False)), "server", "nothing is known of its Deployment", True),
    (
        seen("Finalizing", server=DOWN, read_result=ObjectReadResult("refused", DECRYPT)),
        "server",
        "does not answer",
        True,
    ),
    # its plugin before the location, which says the same in other words
    (seen("InProgress", server=BARE, location=BAD), "plugin", "without its plugin", True),
    (seen("New", server=UP, location=Location("x", "Available", "", "velero.io/gcp")), "plugin", "velero.io/gcp", True),
    (seen("New", server=BARE, location=Location("x", "Available", "", "velero.io/gcp")), "server", "take it up", False),
    (seen("InProgress", server=HIDDEN, location=GOOD, progress="1 of 9 items"), "operations", "1 of 9 items", False),
    # the location, with the layer of its message
    (seen("New", server=UP, location=BAD), "location", "is Unavailable: AccessDenied", True),
    (seen("Queued", server=UP, location=TRUST), "identity", "AssumeRoleWithWebIdentity", True),
    (seen("New", server=UP, location=Location("x", "Missing")), "location", '"x" does not exist', True),
    (seen("New", server=UP, location=Location("x", "")), "location", "never validated", False),
    (seen("InProgress", server=UP, location=BAD), "location", "is Unavailable", False),
    (seen("WaitingForPluginOperations", server=UP, location=BAD), "location", "is Unavailable", False),
    # the phases
    (seen("New", server=UP, location=GOOD), "server", "does not take it up", False),
    (seen("Queued", server=UP, location=GOOD, seconds=60), "queue", "take it out of its queue", False),
    (seen("Queued", server=UP, location=GOOD, seconds=99), "queue", "take it out of its queue", True),
    (seen("New", server=UP, location=GOOD, running=("a (InProgress)",)), "queue", "others: a (InProgress)", False),
    (seen("Queued", server=UP, location=GOOD, running=("a (InProgress)",)), "queue", "others: a (InProgress)", False),
    (seen("ReadyToStart", server=UP, location=GOOD, running=("a (InProgress)",)), "queue", "others: a", False),
    (seen("ReadyToStart", server=UP, location=GOOD), "server", "was restarted at that moment", True),
    (seen("InProgress", server=UP, location=GOOD), "operations", "still at work", False),
    (seen("WaitingForPluginOperations", server=UP, location=GOOD), "operations", "plugins are at work", False),
    (
        seen("WaitingForPluginOperationsPartiallyFailed", server=UP, operations=("DataUpload d is Prepared",)),
        "operations",
        "DataUpload d is Prepared",
        False,
    ),
    (
        seen("WaitingForPluginOperations", server=UP, operations=("DataUpload d is Failed: kms:GenerateDataKey",)),
        "key",
        "DataUpload d is Failed",
        False,
    ),
    (seen("Finalizing", server=UP, read_result=ObjectReadResult("refused", DECRYPT)), "key", "may not decrypt", True),
    (
        seen(
            "FinalizingPartiallyFailed",
            server=UP,
            read_result=ObjectReadResult("refused", "AccessDenied: Access Denied"),
        ),
        "storage",
        "may not read objects",
        True,
    ),
    (
        seen("Finalizing", server=UP, read_result=ObjectReadResult("refused", "KMS.DisabledException: k is disabled.")),
        "key",
        "disabled",
        True,
    ),
    (
        seen("Finalizing", server=UP, read_result=ObjectReadResult("refused", "Odd: answer")),
        "storage",
        "Odd: answer",
        True,
    ),
    (seen("Finalizing", server=UP, read_result=ObjectReadResult("read")), "storage", "can read back", False),
    (
        seen("Finalizing", server=UP, read_result=ObjectReadResult("read"), retried=True),
        "key",
        "does not get further",
        True,
    ),
    (
        seen("Finalizing", server=UP, read_result=ObjectReadResult("unreachable", "no way")),
        "key",
        "tried: no way",
        False,
    ),
    (
        seen("Finalizing", server=UP, read_result=ObjectReadResult("unreachable"), retried=True),
        "key",
        "kms:Decrypt",
        True,
    ),
    (seen("Deleting", server=UP, location=GOOD, deleting=True), "unknown", "does not say why", False),
    (seen("Completed", server=BARE, location=BAD, deleting=True), "plugin", "without its plugin", True),
    (seen("Invented", server=UP, location=GOOD), "unknown", "does not say why", False),
    (
        seen("InProgress", server=UP, location=GOOD, repositories=("shop: error to connect: kms:Decrypt",)),
        "key",
        "kopia's repository is not ready: shop: error to connect",
        False,
    ),
]

ENDS: list[tuple[Evidence, str, str]] = [
    (
        seen("Failed", status_texts=("error putting object x: StatusCode: 403, AccessDenied",), location=BAD),
        "storage",
        "write",
    ),
    (
        seen("Failed", status_texts=("backup execution failed: odd",), location=GOOD),
        "unknown",
        "backup execution failed: odd",
    ),
    (
        seen(
            "Failed",
            status_texts=("rpc error: code = Unknown desc = EOF",),
            location=GOOD,
            log=("level=error kms:GenerateDataKey",),
        ),
        "key",
        "encrypt",
    ),
    (seen("FailedValidation", status_texts=(UNAVAILABLE,), location=BAD), "location", "is Unavailable: AccessDenied"),
    (seen("FailedValidation", status_texts=(UNAVAILABLE,), location=TRUST), "identity", "AssumeRole"),
    (
        seen("FailedValidation", status_texts=(UNAVAILABLE,), location=GOOD),
        "location",
        "was not available then; it is now",
    ),
    (
        seen("FailedValidation", status_texts=("Invalid included/excluded namespace lists: x",), location=GOOD),
        "request",
        "spec",
    ),
    (
        seen(
            "FailedValidation",
            status_texts=("The BSL default is unavailable, cannot retrieve the backup",),
            location=BAD,
        ),
        "location",
        "is Unavailable",
    ),
    (seen("PartiallyFailed", errors=2, results=("a: odd", "b: odd"), location=GOOD), "content", "(2 errors)"),
    (seen("PartiallyFailed", errors=1, results=("a: odd",), location=BAD), "content", "1 error)"),
    (seen("PartiallyFailed", errors=1, results=("kms:Decrypt",), location=GOOD), "key", "decrypt"),
    (seen("PartiallyFailed", errors=1, repositories=("shop: odd",), location=GOOD), "repository", "not ready: shop"),
    (seen("Failed", location=None), "unknown", "Velero does not say why"),
]


@pytest.mark.parametrize(("evidence", "layer", "cause", "final"), STANDSTILLS, ids=lambda v: getattr(v, "phase", None))
def test_standstill(evidence: Evidence, layer: str, cause: str, final: bool) -> None:
    found = diagnose(evidence)
    assert (found.layer, found.final) == (layer, final), found
    assert cause in found.cause


@pytest.mark.parametrize(("evidence", "layer", "cause"), ENDS, ids=lambda v: getattr(v, "phase", None))
def test_end(evidence: Evidence, layer: str, cause: str) -> None:
    found = diagnose(evidence)
    assert found.layer == layer, found
    assert cause in found.cause


def test_report_of_a_standstill() -> None:
    evidence = seen(
        "Finalizing", server=UP, location=GOOD, read_result=ObjectReadResult("refused", DECRYPT), seconds=61
    )
    error = report(evidence, diagnose(evidence))
    assert str(error) == (
        'Backup "b" is Finalizing for 61 s: Velero\'s role may not decrypt what it wrote (kms:Decrypt). Allow '
        "kms:GenerateDataKey and kms:Decrypt on the key to Velero's role, in the role's policy "
        "(coffer.velero.iam_policy) and in the policy of the key (coffer.velero.kms_key_policy). Then run the task "
        "again: it asks Velero to try at once, which by itself may take it 16 minutes."
    )
    assert (error.layer, error.state) == ("key", "Finalizing")


def test_report_of_an_end() -> None:
    """What is said twice, by the status and by the answer to a read, is told once; the name is free after a removal."""
    status_texts = "error putting object x: AccessDenied: not authorized to perform: s3:PutObject"
    answer = "Its log could not be read: AccessDenied: not authorized to perform: s3:PutObject"
    text = str(report(evidence := seen("Failed", status_texts=(status_texts,), unread=answer), diagnose(evidence)))
    assert text.startswith(
        'Backup "b" is Failed: Velero\'s role may not write objects (s3:PutObject). Allow s3:PutObject'
    )
    assert text.endswith(f"Then remove it (state=absent), and run the task again. Velero says: {status_texts}.")
    other = seen("Failed", status_texts=(status_texts,), unread="The bucket holds no log of it")
    assert str(report(other, diagnose(other))).endswith(f"{status_texts}. The bucket holds no log of it.")
    recovered = seen("FailedValidation", status_texts=(UNAVAILABLE,), location=GOOD)
    assert str(report(recovered, diagnose(recovered))).count("state=absent") == 1


def test_report_is_bounded() -> None:
    """However much Velero has to say, in however long lines."""
    results = tuple(f"{number}: {'x' * 1000}\n" for number in range(100))
    evidence = seen("PartiallyFailed", errors=100, results=results, log=results, status_texts=("y" * 100_000,))
    text = str(report(evidence, diagnose(evidence)))
    assert len(text) < 10_000
    assert "Errors (and 95 more): 0: xxx" in text
    assert "\n" not in text
