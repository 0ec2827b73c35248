# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as a template of Jinja2: HTML, CSS and nothing else. PRIVATE to coffer.velero.

It is Python because AnsiballZ packs only Python. ``page.py`` has the names that it uses, ``html.py`` the filters.
"""

from __future__ import annotations

TEMPLATE = """\
{% set style %}
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2024;--quiet:#5c656e;--line:#dfe3e7;--tint:#f5f6f8;
--good:#1b6e45;--bad:#b3261e;--open:#8a5700;--bar:#3d7a5c;--sans:system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Liberation Sans",Arial,sans-serif;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,
"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e8ea;--quiet:#9aa4ad;--line:#2d3338;
--tint:#1c2024;--good:#6cc495;--bad:#ff8a80;--open:#e3b35c;--bar:#5aa883}}
*{box-sizing:border-box}
html{background:var(--paper);-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:50rem;padding:3.5rem 1.5rem 5rem;color:var(--ink);
font:1rem/1.55 var(--sans);font-variant-numeric:lining-nums;overflow-wrap:break-word}
h1,h2,h3,p,dl,dd,ul,ol,figure,pre,table{margin:0;padding:0}
ul,ol{list-style:none}
h1{font-size:clamp(2.75rem,9vw,4rem);line-height:1.05;font-weight:650;letter-spacing:-.025em;margin:.3rem 0 .9rem}
h2{font-size:1.3rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:3.75rem 0 .4rem}
h3{font-size:1rem;line-height:1.4;font-weight:650;margin:2rem 0 .4rem}
.kicker{color:var(--quiet);font-size:.875rem}
.lead{font-size:1.2rem;line-height:1.45;max-width:38rem}
.note,.quiet{color:var(--quiet)}
.note{font-size:.9375rem;max-width:40rem;margin-bottom:1rem}
.compliant{color:var(--good)}
.non_compliant{color:var(--bad)}
.not_evaluated{color:var(--open)}
.no_objects,.not_requested{color:var(--quiet)}
.name{font-family:var(--mono);font-size:.86em;overflow-wrap:anywhere;unicode-bidi:isolate;white-space:pre-wrap}
.code{font:600 .78em/1 var(--mono);color:var(--quiet);border:1px solid var(--line);border-radius:.2em;
padding:.05em .25em;margin:0 .1em;white-space:nowrap;unicode-bidi:isolate}
.facts>div,.parts>li{display:grid;grid-template-columns:12.5rem minmax(0,1fr);gap:0 1.5rem;
padding:.6rem 0;border-top:1px solid var(--line)}
.facts,.parts{border-bottom:1px solid var(--line)}
.facts{font-size:.9375rem;margin-top:2.5rem}
.facts dt{color:var(--quiet)}
h2+.facts{margin-top:.4rem}
.parts{margin-top:2.25rem}
.parts b{font-weight:650;display:block}
table{width:100%;table-layout:fixed;border-collapse:collapse;font-size:.9375rem;margin-top:.4rem}
th{font-weight:400;color:var(--quiet);font-size:.8125rem;line-height:1.3;text-align:left;vertical-align:bottom}
td,th{padding:.45rem 0 .45rem 1rem;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:anywhere}
td:first-child,th:first-child{padding-left:0}
.n{text-align:right;font-variant-numeric:tabular-nums lining-nums;white-space:nowrap}
th.n{white-space:normal;width:6rem}
.when{width:40%}
.zero{color:var(--quiet)}
.n.non_compliant,.n.not_evaluated{font-weight:650}
figure{margin-top:1.25rem}
.bars>li{padding:.7rem 0 .8rem;border-top:1px solid var(--line)}
.bars{border-bottom:1px solid var(--line)}
.bars .top{display:flex;justify-content:space-between;gap:1.5rem;align-items:baseline}
.bars .top>:first-child{min-width:0;overflow-wrap:anywhere}
.bars .under{font-size:.875rem;color:var(--quiet);margin-top:.1rem}
.bars svg{display:block;width:100%;height:.5rem;margin:.35rem 0 .3rem;overflow:visible}
.track{fill:var(--line)}
rect.compliant{fill:var(--bar)}
rect.non_compliant{fill:var(--bad)}
rect.not_evaluated{fill:var(--open)}
rect.undetermined{fill:var(--quiet)}
.case{border-top:2px solid var(--ink);margin-top:1.5rem;padding-top:.75rem}
.case h3{margin:0 0 .15rem}
.case h3 .name{font-weight:400}
.case .count{font-size:.875rem;font-weight:650}
.case>ol{margin-top:.6rem}
.case>ol>li{padding:.5rem 0;border-top:1px solid var(--line);contain:paint}
.case .under{font-size:.8125rem;color:var(--quiet)}
.limits>li{padding:.6rem 0;border-top:1px solid var(--line)}
.limits{border-bottom:1px solid var(--line)}
.diff{font-size:.9375rem;margin:.5rem 0 0}
.diff>div{display:grid;grid-template-columns:5rem minmax(0,1fr);gap:0 1rem;padding:.15rem 0}
.diff dt{color:var(--quiet)}
.diff>.path{display:block;padding-top:.5rem}
pre{font:.8125rem/1.5 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere;background:var(--tint);
padding:.9rem 1rem;margin-top:.5rem}
pre .code{font-size:1em}
footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.875rem}
@media (max-width:36rem){body{padding:2rem 1.125rem 4rem}h2{margin-top:3rem}
.facts>div,.parts>li{grid-template-columns:minmax(0,1fr);padding:.7rem 0}
.parts b{display:flex;gap:.5em}.parts br{display:none}
td,th{padding-left:.5rem}th{font-size:.75rem}th.n{width:3.7rem}}
@media print{@page{size:A4;margin:18mm 18mm 20mm;@bottom-right{content:counter(page) " / " counter(pages);
font:8pt sans-serif;color:#5c656e}}
:root{color-scheme:light;--paper:#fff;--ink:#000;--quiet:#4a5056;--line:#c9ced3;--tint:#fff;
--good:#14573a;--bad:#9c1f18;--open:#6e4500;--bar:#3d7a5c}
html{font-size:9.5pt}body{max-width:none;padding:0;line-height:1.45}h1{font-size:34pt}
h2{margin-top:24pt;font-size:13pt}.lead{font-size:12.5pt}.facts,.parts{margin-top:16pt}
h2,h3,.note,.case>p{break-after:avoid}li,tr,.facts>div,.diff>div,.case>p{break-inside:avoid}
thead{display:table-header-group}svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}
pre{padding:0;border-left:2px solid var(--line);padding-left:8pt;font-size:8pt}p{orphans:3;widows:3}}
{% endset %}
{% macro fact(term) %}<div><dt>{{ term }}</dt><dd>{{ caller() }}</dd></div>{% endmacro %}
{% macro quiet(text) %}<p class="quiet">{{ text | prose }}</p>{% endmacro %}
{% macro note(text) %}<p class="note">{{ text }}</p>{% endmacro %}
{% macro status_of(part) %}
<span class="{{ part.status | plain }} {{ (part.reason or "") | plain }}">{{ part.status | status_name | lower }}</span>
{%- endmacro %}
{% macro table(first, titles) %}
<table>
<thead><tr><th scope="col">{{ first }}</th>
{%- for title in titles %}<th scope="col" class="n">{{ title }}</th>{% endfor %}</tr></thead>
<tbody>{{ caller() }}</tbody>
</table>
{% endmacro %}
{% macro numbers(counts, names) %}
{% for name in names %}
{% set tone = name if name in ("non_compliant", "not_evaluated") else "" %}
<td class="n {{ (tone if counts[name] else "zero") | plain }}">{{ counts[name] | number }}</td>
{%- endfor %}
{% endmacro %}
{% macro finding(entries, label, heading) %}
<div class="case">
<p class="count {{ entries[0].status | plain }}">{{ label }}, {{ entries[0].status | status_name | lower }}</p>
<h3>{{ heading }}</h3>
{% if entries[0].remediation %}{{ quiet(entries[0].remediation) }}{% endif %}
<ol>{% for entry in entries %}<li>{{ caller(entry) }}</li>{% endfor %}</ol>
</div>
{% endmacro %}
{% macro differences(found, path, sides) %}
<dl class="diff">
{% for difference in found %}
<div class="path"><dt>{{ difference[path] | name }}</dt></div>
{% for title, side in sides.items() %}
<div><dt>{{ title }}</dt><dd>{{ difference[side] | value }}</dd></div>
{% endfor %}
{% endfor %}
</dl>
{% endmacro %}
{% macro operation(found) %}
{% set failed = "non_compliant" if found.failure else "not_evaluated" %}
{{ found.name | name }}
<b class="{{ ("compliant" if found.phase == "Completed" else failed) | plain }}">{{ found.phase or "no phase" }}</b>
{% if found.started and found.completed %}{{ quiet(period(found.started, found.completed)) }}{% endif %}
<p class="quiet">{% if found["items"] %}{{ found["items"] | many("item") }}, {% endif %}
{{ found.errors | many("error") }}, {{ found.warnings | many("warning") }}</p>
{% for namespace in found.namespaces + found.namespace_mapping.items() | map("join", " as ") | sort %}
<p class="quiet">Namespace {{ namespace }}</p>
{% endfor %}
{% if found.failure %}<p>{{ found.failure.message | prose }}</p>{% endif %}
{% if found.failure and found.failure.remediation %}<p>{{ found.failure.remediation | prose }}</p>{% endif %}
{% endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
 style-src 'sha256-{{ style | csp_hash | plain }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{{ status | status_name }}: encryption of {{ place | plain }}</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Encryption of Velero backups</p>
<h1 class="{{ status | plain }} {{ (reason or "") | plain }}">
{{- status | status_name }}{{ ", accepted" if reason == "accepted" }}</h1>
<p class="lead">
{% if status == "compliant" %}
Every object under {{ place | name }} is encrypted as the profile requires
{{- ", and a test backup and restore succeeded." if backup_and_restore.reason != "not_requested"
  else ". No test backup was made." }}
{% elif reason == "accepted" %}
Every object under {{ place | name }} is encrypted as the profile requires, except
{{ objects.accepted.count | many("object version") }} from before {{ objects.accepted.accepted_before | clock }}.
{{- " " }}They are accepted until {{ objects.accepted.accepted_until }}, and not compliant.
{% elif status == "non_compliant" %}
Not everything under {{ place | name }} is compliant: {{ non_compliant_parts }}.
{% elif reason == "no_objects" %}
There are no objects under {{ place | name }}, so there is nothing to evaluate.
{% else %}
Nothing non-compliant was found under {{ place | name }}, but not everything could be evaluated.
{% endif %}
{{ audit_warning }}
</p>
<ul class="parts">
{% for title, part in parts.items() %}
<li><b>{{ title }}<br>{{ status_of(part) }}</b><p>{{ part.message | prose }}</p></li>
{% endfor %}
</ul>
<dl class="facts">
{% call fact("Location") %}
{{ ("s3://" ~ place) | name }}
{{ quiet(location.region ~ ", account " ~ location.account_id) }}
{% endcall %}
{% for title, of in {
  "BackupStorageLocation": installation.backup_storage_location,
  "Cluster": installation.cluster,
  "Inventory host": installation.inventory_host,
}.items() if of %}
{% call fact(title) %}
{{ of | name }}{% if title == "BackupStorageLocation" %}{{ quiet("namespace " ~ location.namespace) }}{% endif %}
{% endcall %}
{% endfor %}
{% if location.s3_url %}{% call fact("Endpoint") %}{{ location.s3_url | name }}{% endcall %}{% endif %}
{% call fact("Desired") %}{{ desired.encryption_mode | upper }}, {{ desired.algorithm }}{% endcall %}
{% if desired.kms_key_arn %}
{% call fact("Key") %}
{{ desired.kms_key_arn | name }}
{% if desired.algorithm == "aws:kms" %}
{{ quiet("with a Bucket Key" if desired.bucket_key_enabled else "no Bucket Key") }}
{% endif %}
{% endcall %}
{% endif %}
{% if desired.accepted_kms_key_arns %}
{% call fact("Also accepted") %}
{% for arn in desired.accepted_kms_key_arns %}<p>{{ arn | name }}</p>{% endfor %}
{% endcall %}
{% endif %}
{% call fact("Scanned") %}
{{ period(scan.started, scan.finished) }}
<p class="quiet">{{ objects.counts.total | many("object version") }} from
{{ "an S3 Inventory report" if scan.source.kind == "inventory" else "a listing of the bucket" }},
{{ {true: "all versions", false: "current versions only", none: "versions unknown"}[scan.versions] -}}
{{ ", in more than one run" if scan.resumed else "" }}</p>
{% endcall %}
{% call fact("By") %}{{ scan.caller_arn | name }}{% endcall %}
{% call fact("With") %}{{ collection.name }} {{ collection.version }}{% endcall %}
</dl>
</header>
{% if object_findings %}
<section><h2>Findings</h2>
{% for entries in object_findings %}
{% set why = entries[0].message or "no reason was given" %}
{% set heading = (why[0] | upper ~ why[1:]) | prose %}
{% call(object) finding(entries, entries | length | many("object version"), heading) %}
{{ object.key | name }}<p class="under">{{ "current" if object.is_latest else "noncurrent" }} version
{%- if object.version_id %} {{ object.version_id | name }}{% endif %}, {{ object.size | size }}
{%- if object.last_modified %}, written {{ object.last_modified | clock }}{% endif %}</p>
{% endcall %}
{% endfor %}
{% if objects.findings_truncated %}
{{ note(objects.findings_truncated | many("more object version") ~ ": see the complete list.") }}
{% endif %}
</section>
{% endif %}
<section><h2>Limitations</h2>
<ul class="limits">
{% for limitation in limitations %}
<li>{{ limitation.message | prose }}
{%- if limitation.remediation %} <span class="quiet">{{ limitation.remediation }}</span>{% endif %}</li>
{% endfor %}
</ul>
</section>
<section><h2>Objects by algorithm and key</h2>
{% if bars %}
{% set by_inventory = scan.source.kind == "inventory" %}
{% set how = "as an S3 Inventory report lists them" if by_inventory else "each requested by its name" %}
{{ note(objects.counts.total | many("object version") ~ ", " ~ how ~ ". The bars have one scale.") }}
<figure aria-label="Object versions by algorithm and key">
<ul class="bars">
{% for bar in bars %}
<li><div class="top"><span><b>{{ bar.algorithm }}</b>
{% if bar.status == "compliant" %}<span class="quiet">compliant</span>{% endif %}
{% if bar.status == "non_compliant" %}<span class="non_compliant">non-compliant</span>{% endif %}
</span><span class="n">{{ bar.number | number }} <span class="quiet share">{{ bar.percent }}</span></span></div>
<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
<rect class="track" width="100" height="1"></rect>
<rect class="{{ bar.status | plain }}" width="{{ bar.width | plain }}" height="1"></rect></svg>
<p class="under">{% if bar.key_arn %}{{ bar.key_arn | name }} {% endif %}{{ bar.detail }}</p></li>
{% endfor %}
{% if more_bars %}
<li class="quiet">{{ more_bars | length | many("more key") }} with
{{ more_bars | sum("number") | many("object version") }}: see the JSON file.</li>
{% endif %}
</ul>
</figure>
{% else %}
{{ note("There are no objects.") }}
{% endif %}
</section>
{% for kind in group_tables %}
<section><h2>{{ kind.title }}</h2>
{% call table(kind.head, kind.columns.values()) %}
{% for group in kind.rows %}
<tr><td>
{%- if group.name %}{{ group.name | name }}{% else %}<span class="quiet">directly under the prefix</span>{% endif %}
</td>{{ numbers(group.counts, kind.columns) }}</tr>
{% endfor %}
{% endcall %}
{% if kind.omitted %}{{ note("{:,} more, all compliant, are in the JSON file.".format(kind.omitted)) }}{% endif %}
</section>
{% endfor %}
{% if objects.groups_omitted %}
{{ note(objects.groups_omitted | many("more group") ~ " counted in the sums, and not listed one by one.") }}
{% endif %}
{% set uploads = objects.incomplete_multipart_uploads %}
{% if uploads %}
<section><h2>Incomplete multipart uploads</h2>
<table>
<thead><tr><th scope="col">Key</th><th scope="col" class="when">Initiated</th></tr></thead>
<tbody>
{% for upload in uploads[:max_rows] %}
<tr><td>{{ upload.key | name }}</td><td class="when">{{ (upload.initiated or "") | clock }}</td></tr>
{% endfor %}
</tbody>
</table>
{% set omitted = uploads[max_rows:] | length + objects.incomplete_multipart_uploads_omitted %}
{% if omitted %}{{ note("{:,} more are in the JSON file.".format(omitted)) }}{% endif %}
</section>
{% endif %}
<section><h2>Backup and restore</h2>
{% if backup_and_restore.reason == "not_requested" %}
{{ note(backup_and_restore.message) }}
{% else %}
<dl class="facts">
{% for kind in ("backup", "restore") if backup_and_restore[kind] %}
{% call fact(kind | capitalize) %}{{ operation(backup_and_restore[kind]) }}{% endcall %}
{% endfor %}
{% set counts = backup_and_restore.objects %}
{% if counts %}
{% call fact("Its objects") %}
{{ counts.compliant | number }} of {{ counts.total | many("object version") }} compliant
{% endcall %}
{% endif %}
{% set metadata = backup_and_restore.metadata %}
{% if metadata %}
{% call fact("Its metadata in the bucket") %}
{{ metadata.key | name }}
{% if metadata.matches %}
matches the cluster
{% else %}
<b class="non_compliant">{{ "does not match the cluster" if metadata.exists else "does not exist" }}</b>
{{ differences(metadata.mismatches, "field", {"Cluster": "backup", "Bucket": "metadata"}) }}
{% if metadata.remediation %}<p>{{ metadata.remediation | prose }}</p>{% endif %}
{% endif %}
{% endcall %}
{% endif %}
{% if backup_and_restore.content %}
{% set items = backup_and_restore.content["items"] %}
{% set changed = items | rejectattr("matches") | list %}
{% call fact("Content") %}
{% if changed %}
<b class="non_compliant">{{ changed | length | number }} of {{ items | length | many("item") }} did not match</b>
{% else %}
{{ items | length | many("item") }} compared, all matched
{% endif %}
{% for item in changed or items[:20] %}
<p class="{{ ("non_compliant" if changed else "quiet") | plain }}">{{ item.kind or "item" }} {{ item.name }}</p>
{% endfor %}
{% if not changed and items | length > 20 %}
{{ quiet("and {:,} more, in the JSON file".format(items | length - 20)) }}
{% endif %}
{% endcall %}
{% endif %}
</dl>
{% endif %}
</section>
<section><h2>Configuration</h2>
<dl class="facts">
{% for part in configuration.parts %}
{% call fact(configuration_titles[part.name]) %}
<b>{{ status_of(part) }}</b>
{% if part.name.endswith("_statements") and part.desired %}
<span class="quiet">{{ part.desired | length | many("statement") }}</span>
{% endif %}
{% if part.unmanaged_statements %}
<p class="quiet">And {{ part.unmanaged_statements | length | many("unmanaged statement") }}, not evaluated:
{%- for sid in part.unmanaged_statements[:20] %} {{ sid | name }}{% endfor %}</p>
{% endif %}
{% if part.message %}{{ quiet(part.message) }}{% endif %}
{% if part.name == "plan" %}
{% for line in part.differences %}<p class="non_compliant">{{ line.path | prose }}</p>{% endfor %}
{% elif part.differences %}
{{ differences(part.differences, "path", {"Desired": "desired", "Actual": "actual"}) }}
{% endif %}
{% endcall %}
{% endfor %}
</dl>
</section>
<section><h2>Audit</h2>
{% if audit.reason == "not_requested" %}
{{ note(audit.message) }}
{% else %}
{{ note("The actual configuration on AWS, compared with controls. One that could not be evaluated never passes.") }}
<dl class="facts">
{% if audit.started and audit.finished %}
{% call fact("Audited") %}{{ period(audit.started, audit.finished) }}{% endcall %}
{% endif %}
{% if audit.trail_arn %}{% call fact("Trail") %}{{ audit.trail_arn | name }}{% endcall %}{% endif %}
</dl>
<h3>By severity</h3>
{% call table("Severity", status_names.values()) %}
{% for severity, counts in audit.counts.by_severity.items() %}
<tr><td>{{ severity | capitalize }}</td>{{ numbers(counts, status_names) }}</tr>
{% endfor %}
{% endcall %}
{% for entries in audit_findings %}
{% set heading %}{{ entries[0].control | name }} {{ entries[0].title | prose }}{% endset %}
{% call(one) finding(entries, entries[0].severity | capitalize, heading) %}
{{ one.resource | name }}<p class="under">{{ (one.message or "") | prose }}</p>
{% endcall %}
{% endfor %}
<h3>By control</h3>
{% call table("Control", status_names.values()) %}
{% for control, counts in controls %}
<tr><td>{{ control.control | name }}{{ quiet(control.title) }}</td>{{ numbers(counts, status_names) }}</tr>
{% endfor %}
{% endcall %}
{% if audit.findings_truncated %}{{ note(audit.findings_truncated | many("more finding") ~ " left out.") }}{% endif %}
{% endif %}
</section>
<section><h2>Files</h2>
<dl class="facts">
{% call fact("For machines") %}
{{ json_name | name }}<p class="quiet">SHA-256 {{ json_digest | name }}</p>
{% endcall %}
{% call fact("Every object") %}
{% if not object_manifest %}
not written; the findings above are the first ones by name
{% elif object_manifest.sha256 %}
{{ object_manifest.path | name }}
<p class="quiet">{{ object_manifest.size | size }}, SHA-256 {{ object_manifest.sha256 | name }}</p>
{% else %}
{{ object_manifest.path | name }}{{ quiet("not found here") }}
{% endif %}
{% endcall %}
</dl>
</section>
<section><h2>Documents</h2>
{{ note("The desired configuration. The JSON file has the actual one too.") }}
{% for part in configuration.parts if part.desired %}
<div><h3>{{ configuration_titles[part.name] }}</h3><pre>{{ part.desired | pretty }}</pre></div>
{% endfor %}
</section>
</main>
<footer>Written by {{ collection.name }} {{ collection.version }} from what AWS and Velero returned. The same evidence
gives the same page, byte by byte.</footer>
</body>
</html>
"""
