# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents that several runs read, merge into and put back as a whole. PRIVATE to coffer.velero.

KMS and S3 take a new policy without asking which one it was made from. Of two runs that have read the same one, the
later takes back what the earlier has put in; it cannot know, and the earlier can. So each run looks again at what it
has written, late enough for a concurrent writer that had read before to have written too, and begins anew where
something of its
own is gone. Whoever does not do so (a console, another tool) is not protected from a run, only a run from them.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ._errors import ConflictError, ServiceError
from ._plan import Plan

#: Seconds from a write to the look at it: more than a concurrent writer needs from its reading to its writing.
VERIFY_DELAY = 1.0
#: Seconds to look again where the service still shows what was there before; KMS and S3 need a moment.
_VERIFY_AGAIN = (1.0, 2.0, 4.0)

_Document = t.TypeVar("_Document")


def verify_write(
    before: _Document,
    *,
    action: str,
    read: Callable[[], _Document],
    decide: Callable[[_Document], Plan],
    sleep: Callable[[float], None],
    what: str = "the policy",
) -> None:
    """Look whether what was written is still there.

    :param before: what was there before; as long as it is shown, nothing is known: either the service is late, or a
        concurrent writer has put exactly that back. Writing it once more is right in both cases
    :param what: in the words of the error
    :param action: the request that wrote
    :raises ConflictError: where a document is there without what the plan put in
    """
    for pause in (VERIFY_DELAY, *_VERIFY_AGAIN):
        sleep(pause)
        current = read()
        if current != before:
            break
    if decide(current).changed:
        text = f"Somebody else keeps replacing {what}, and takes back what this task puts in."
        hint = "Find out who, and run the task again when that has ended."
        raise ConflictError(ServiceError(action, "ConcurrentModification", text, hint=hint))
