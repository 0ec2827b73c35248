# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of policies (``_access``) beside that of two judges that are not ours (``tests/judges``).

Nothing is allowed that a judge denies. Where a judge is known to read a document otherwise than AWS says, that reading
is a function here: the disagreement is explained only if both agree once it is applied to the case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils._access.evaluate import EVERYTHING, evaluate
from ansible_collections.coffer.velero.plugins.module_utils._access.model import (
    Answer,
    Context,
    Policies,
    Policy,
    Principal,
    Request,
)
from ansible_collections.coffer.velero.plugins.module_utils._policy import principals
from tests.judges.cases import REGION, Case, Document, names_of
from tests.judges.draw import Draw
from tests.judges.ministack_live import ABSENT, ACCOUNT, Live, can_ask, context_of
from tests.judges.verdicts import Verdicts, all_cases, digest
from tests.support.emulators import MiniStack

LIVE = 200  # of the cases that a running MiniStack is asked about
DECISIONS = {"A": "allowed", "D": "denied", "X": "denied"}
Reading = Callable[[Case], Case]


@cache
def cases() -> list[Case]:
    return all_cases()


@cache
def verdicts() -> Verdicts:
    return Verdicts.read()


# --- our answer ------------------------------------------------------------------------------------------------------


def principal(case: Case) -> Principal:
    caller = case.caller
    if caller.is_role:
        return Principal(str(caller.role_arn), unique_id=caller.unique_id)
    is_provider = caller.kind == "web"
    return Principal(caller.arn, role_arn=caller.role_arn, unique_id=caller.unique_id, is_provider=is_provider)


def request(case: Case, context: Context) -> Request:
    return Request(principal(case), case.target.action, case.target.resource, case.target.owner, context)


def context(case: Case, *, without: Collection[str] = ()) -> Context:
    """All that the request has, and that it has no more; what the principal decides is for us to know."""
    values = {key.lower(): value for key, value in case.context.items() if key not in without}
    return Context(
        {key: (value,) if isinstance(value, str) else tuple(value) for key, value in values.items()}, (), True
    )


def policies(case: Case) -> Policies:
    def named(name: str, documents: Iterable[Document | None]) -> list[Policy]:
        return [Policy(f"{name} {n}", one) for n, one in enumerate(documents) if one is not None]

    boundary, resource = named("boundary", [case.boundary]), named("resource", [case.resource])
    return Policies(
        identity=named("identity", case.identity),
        boundary=boundary[0] if boundary else None,
        session=named("session", [case.session]),
        resource=resource[0] if resource else None,
        limits=[
            *(named("scp", level) for level in case.scps),
            *([EVERYTHING, *named("rcp", level)] for level in case.rcps),
        ],
    )


def ours(case: Case, *, without: Collection[str] = ()) -> Answer:
    return evaluate(request(case, context(case, without=without)), policies(case))


@cache
def of_number(number: int, without: frozenset[str] = frozenset()) -> Answer:
    """Our answer to a case as it was made."""
    return ours(cases()[number], without=without)


# --- what the judges read otherwise ----------------------------------------------------------------------------------


def with_documents(case: Case, change: Callable[[Document], Document]) -> Case:
    return replace(
        case,
        identity=[change(one) for one in case.identity],
        boundary=case.boundary and change(case.boundary),
        session=case.session and change(case.session),
        resource=case.resource and change(case.resource),
        scps=[[change(one) for one in level] for level in case.scps],
        rcps=[[change(one) for one in level] for level in case.rcps],
    )


def with_statements(case: Case, change: Callable[[Document], Document]) -> Case:
    return with_documents(case, lambda one: {**one, "Statement": [change(found) for found in one["Statement"]]})


def new_version(case: Case) -> Case:
    """Policy variables are replaced in documents of 2008 too; AWS takes them for plain text."""
    return with_documents(case, lambda document: {**document, "Version": "2012-10-17"})


def any_name(case: Case) -> Case:
    """A NotPrincipal spares whoever is named in any way; AWS demands account, role and session."""
    own = {name for _kind, name in names_of(case.caller)}

    def read(statement: Document) -> Document:
        listed = [name for _kind, name in principals(statement)]
        is_named = "NotPrincipal" in statement and bool(own & set(listed))
        return {**statement, "NotPrincipal": {"AWS": "*"}} if is_named else statement

    return with_statements(case, read)


def limiting_session_policies(case: Case) -> Case:
    """A session policy limits what a bucket's policy gives to the session itself; AWS says that only its Deny does."""
    return replace(case, scps=[*case.scps, [case.session]]) if case.session else case


def no_seconds(case: Case) -> Case:
    """Dates in seconds since 1970 are no dates; AWS takes them."""

    def read(statement: Document) -> Document:
        condition = {
            operator: dict.fromkeys(keys, "no date") if "Date" in operator and "178" in str(keys) else keys
            for operator, keys in statement.get("Condition", {}).items()
        }
        return {**statement, "Condition": condition}

    return with_statements(case, read)


def root_like_others(case: Case) -> Case:
    """The root of a bucket's account is bound by the bucket policy; AWS lets it always read and replace that."""
    if case.caller.kind != "root" or case.resource is None:
        return case
    return replace(case, rcps=[*case.rcps, [case.resource]])


IAM_SIMULATE: Mapping[str, Reading] = {
    "replaces variables in documents of 2008": new_version,
    "spares who is named in a NotPrincipal in any way": any_name,
    "limits by session policies what a session is given itself": limiting_session_policies,
    "knows no dates in seconds": no_seconds,
    "binds the root to the bucket policy": root_like_others,
}


def no_not_principal(case: Case) -> Case:
    """A statement with NotPrincipal speaks of nobody."""
    nobody: Document = {"NotPrincipal": None, "Principal": {"AWS": []}}

    def read(statement: Document) -> Document:
        changed = {**statement, **nobody} if "NotPrincipal" in statement else statement
        return {name: value for name, value in changed.items() if value is not None}

    return with_statements(case, read)


MINISTACK: Mapping[str, Reading] = {
    "knows no NotPrincipal": no_not_principal,
}


# --- comparison ------------------------------------------------------------------------------------------------------


def is_of_a_role(answer: Answer) -> bool:
    """The question was about a role, and the name of its session decides."""
    return bool({"the name of the session", "aws:userid"} & set(answer.unknown_keys))


def compare(
    letters: str, readings: Mapping[str, Reading], ignored: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Counter[str]:
    """How often we agree with a judge, and why not; fails with the cases that nothing explains.

    :param ignored: the condition keys that the judge leaves out, by action
    """
    found: Counter[str] = Counter()
    unexplained = []
    for case, letter in zip(cases(), letters, strict=True):
        if letter == ".":
            continue
        left_out = frozenset(ignored.get(case.target.action, ())) & set(case.context)
        answer, judged = of_number(case.number, left_out), DECISIONS[letter]
        reasons = ["agreed"] if answer.decision == judged else []
        if answer.decision == "unknown":
            reasons = ["unknown, of a role without its session" if is_of_a_role(answer) else "unknown"]
        elif not reasons:
            reasons = [
                name
                for name, reading in readings.items()
                if ours(reading(case), without=left_out).decision in (judged, "unknown")
            ]
        if not reasons:
            unexplained.append(f"case {case.number}: {judged}, but {answer.decision}: {answer}")
        found.update(reasons[:1])
    print(f"{found.total()} cases:", ", ".join(f"{name} {count}" for name, count in found.most_common()))
    assert not unexplained, "\n".join(unexplained[:20])
    assert set(readings) <= set(found), "a judge was mended: its reading explains nothing any more"
    return found


def assert_mostly_known(found: Counter[str]) -> None:
    """Unknown is what AWS does not document (a pattern that is no ARN, a boundary and a policy for everybody, a token
    and everybody, a variable without a value), and the name of a session where a role was asked about."""
    assert found["unknown"] < 0.03 * found.total()
    assert found["unknown, of a role without its session"] < 0.025 * found.total()


def test_cases_are_those_that_were_judged() -> None:
    assert digest(cases()) == verdicts().digest, "the generator has changed: run `make judge`"


def test_iam_simulate() -> None:
    """Across accounts, with boundaries, session and service control policies; without the keys that it leaves out."""
    assert_mostly_known(compare(verdicts().iam_simulate, IAM_SIMULATE, verdicts().ignored))


def test_ministack() -> None:
    """Within one account, with all keys."""
    assert_mostly_known(compare(verdicts().ministack, MINISTACK))


def test_running_ministack() -> None:
    """The same by real requests, whose condition keys are those that they really have."""
    found: Counter[str] = Counter()
    wrong = []
    asked = [case for case in cases() if can_ask(case)][:LIVE]
    with MiniStack(account=ACCOUNT, region=REGION) as ministack:
        live = Live(ministack)
        for case in asked:
            try:
                judged = "allowed" if live.allows(case) else "denied"
            except live.iam.exceptions.MalformedPolicyDocumentException:
                found["refused"] += 1
                continue
            known = context(replace(case, context=context_of(case)))
            answer = evaluate(request(case, Context(known.values, ABSENT)), policies(case))
            found["agreed" if answer.decision == judged else answer.decision] += 1
            if answer.decision not in (judged, "unknown"):
                wrong.append(f"case {case.number}: {judged}, but {answer.decision}: {answer}")
    print(found)
    assert not wrong, "\n".join(wrong)
    assert found["agreed"] > 0.9 * len(asked)


# --- what is not known -----------------------------------------------------------------------------------------------


def hidden(case: Case, draw: Draw) -> tuple[Request, Policies]:
    """The same case, of which something was not read: a document, or condition keys."""
    given, known = policies(case), context(case)
    if draw.chance(0.5) and known.values:
        lost = draw.one(sorted(known.values))
        values = {key: value for key, value in known.values.items() if key != lost}
        return request(case, Context(values)), given
    unread = Policy("unread", None)
    change: dict[str, Any] = draw.one(
        [
            {"identity": [*given.identity[:-1], unread]},
            {"boundary": unread},
            {"resource": unread},
            {"session": [unread]},
            {"limits": [[unread], *given.limits[1:]]},
            {"grants": None},
        ]
    )
    return request(case, known), replace(given, **change)


def test_what_is_not_known_changes_no_answer() -> None:
    """Less knowledge makes an answer unknown, and no other one. A document that was not read may be any, also none."""
    wrong = []
    found: Counter[str] = Counter()
    for case in cases()[::3]:
        draw = Draw(f"hidden:{case.number}")
        less = evaluate(*hidden(case, draw)).decision
        found[less] += 1
        known = of_number(case.number).decision
        if less not in (known, "unknown"):
            wrong.append(f"case {case.number}: {known}, but {less} with less knowledge")
    print(found)
    assert not wrong, "\n".join(wrong)
