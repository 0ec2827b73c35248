# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of an OIDC provider and what there is, to a plan. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import ValidationError
from .._plan import NOTHING, Changes, Difference, Plan, Step, created, joined
from .model import DesiredTags, Provider


@dataclass(frozen=True, kw_only=True)
class DesiredProvider(DesiredTags):
    """What a task wants of an OIDC provider.

    :param issuer: as ARNs spell it
    :param thumbprints: ``None`` leaves them to IAM
    """

    issuer: str
    client_ids: Sequence[str] = ()
    thumbprints: Sequence[str] | None = None

    @classmethod
    def of(cls, params: Mapping[str, t.Any], issuer: str) -> DesiredProvider:
        """From the options of a task.

        :raises ValidationError: for what IAM would not take
        """
        thumbprints = [text.lower() for text in params["thumbprints"] or ()]
        for text in thumbprints:
            if not re.fullmatch(r"[0-9a-f]{40}", text):
                remediation = "Give the SHA-1 fingerprint of a certificate: 40 hexadecimal digits without colons."
                raise ValidationError("thumbprints", text, "is not a thumbprint", remediation)
        if len(thumbprints) > 5:
            remediation = "Leave out those of certificates that are no longer served."
            reason = f"has {len(thumbprints)}, and IAM takes 5"
            raise ValidationError("thumbprints", issuer, reason, remediation)
        tags = {option: params[option] for option in ("tags", "purge_tags")}
        return cls(issuer=issuer, client_ids=params["client_ids"], thumbprints=thumbprints or None, **tags)


def create_provider(desired: DesiredProvider, arn: str) -> Plan:
    """The plan for a provider that does not exist."""
    client_ids = list(dict.fromkeys(desired.client_ids))
    arguments = {
        "Url": f"https://{desired.issuer}",
        "ClientIDList": client_ids,
        **({"ThumbprintList": list(desired.thumbprints)} if desired.thumbprints else {}),
        **desired.created(),
    }
    shown = {"client_ids": client_ids, "thumbprints": list(desired.thumbprints or ()), "tags": desired.after({})}
    differences = created({"oidc_provider_arn": arn, **shown})
    step = Step("iam:CreateOpenIDConnectProvider", arguments)
    return Plan((step,), differences, _provider_result(desired, arn, shown))


def change_provider(desired: DesiredProvider, provider: Provider) -> Plan:
    """The plan for a provider that exists; audiences that others added are kept."""
    identity = {"OpenIDConnectProviderArn": provider.arn}
    missing = [one for one in dict.fromkeys(desired.client_ids) if one not in provider.client_ids]
    client_ids = [*provider.client_ids, *missing]
    add = [Step("iam:AddClientIDToOpenIDConnectProvider", {**identity, "ClientID": one}) for one in missing]
    shown = {
        "client_ids": client_ids,
        "thumbprints": list(desired.thumbprints or provider.thumbprints),
        "tags": desired.after(provider.tags),
    }
    steps, differences = joined(
        [
            (add, (Difference("client_ids", list(provider.client_ids), client_ids),) if add else ()),
            _thumbprints(desired, provider),
            desired.tag_steps("OpenIDConnectProvider", identity, provider.tags),
        ]
    )
    return Plan(steps, differences, _provider_result(desired, provider.arn, shown))


def delete_provider(desired: DesiredProvider, provider: Provider) -> Plan:
    """The plan that takes a provider away."""
    step = Step("iam:DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": provider.arn})
    result = {"oidc_provider_arn": provider.arn, "issuer_url": f"https://{desired.issuer}"}
    return Plan((step,), (Difference("oidc_provider_arn", provider.arn, None),), result)


def _provider_result(desired: DesiredProvider, arn: str, shown: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "oidc_provider_arn": arn,
        "oidc_provider": desired.issuer,
        "issuer_url": f"https://{desired.issuer}",
        **shown,
    }


def _thumbprints(desired: DesiredProvider, provider: Provider) -> Changes:
    """IAM replaces the whole list; the order of it means nothing."""
    if not desired.thumbprints or set(desired.thumbprints) == set(provider.thumbprints):
        return NOTHING
    arguments = {"OpenIDConnectProviderArn": provider.arn, "ThumbprintList": list(desired.thumbprints)}
    difference = Difference("thumbprints", list(provider.thumbprints), list(desired.thumbprints))
    return (Step("iam:UpdateOpenIDConnectProviderThumbprint", arguments),), (difference,)
