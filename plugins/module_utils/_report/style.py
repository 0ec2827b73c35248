# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the report looks: on a screen, on a phone, on paper. PRIVATE to coffer.velero."""

from __future__ import annotations

STYLE = """
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
.proven,.same,.sound{color:var(--good)}
.wrong,.differs{color:var(--bad)}
.incomplete,.unreadable,.weak{color:var(--open)}
.empty,.not_done,.not_compared{color:var(--quiet)}
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
.n.wrong,.n.unreadable{font-weight:650}
figure{margin-top:1.25rem}
.bars>li{padding:.7rem 0 .8rem;border-top:1px solid var(--line)}
.bars{border-bottom:1px solid var(--line)}
.bars .top{display:flex;justify-content:space-between;gap:1.5rem;align-items:baseline}
.bars .top>:first-child{min-width:0;overflow-wrap:anywhere}
.bars .under{font-size:.875rem;color:var(--quiet);margin-top:.1rem}
.bars svg{display:block;width:100%;height:.5rem;margin:.35rem 0 .3rem;overflow:visible}
.track{fill:var(--line)}
.fits{fill:var(--bar)}
.misfits{fill:var(--bad)}
.untold{fill:var(--open)}
.known{fill:var(--quiet)}
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
"""
