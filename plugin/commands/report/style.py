"""The style of the page: one column, light or dark as the reader's system is, made to be printed,
too."""

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c2430; --soft: #5b6675; --line: #e1e5ea; --card: #f7f8fa;
  --band: #cfe2f7; --value: #22303f; --bar: #4d8fd1; --hot: #c4302b; --warm: #b26a00; --good: #2b7a4b; }
@media (prefers-color-scheme: dark) { :root { --page: #14181e; --ink: #e4e8ed; --soft: #9aa5b3; --line: #2b323c;
  --card: #1b2128; --band: #23405f; --value: #d5dde6; --bar: #5b9bdc; --hot: #f0716b; --warm: #e3a548;
  --good: #62bd87; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 24px 64px; max-width: 960px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 26px; font-weight: 650; letter-spacing: -0.01em; }
h2 { margin: 44px 0 12px; font-size: 17px; font-weight: 650; }
h3 { margin: 0; font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
p { margin: 6px 0; } .soft { color: var(--soft); } .lead { margin-top: 14px; font-size: 18px; }
code { padding: 1px 5px; border-radius: 4px; background: var(--card); font: 13px/1.4 ui-monospace, "DejaVu Sans Mono",
  monospace; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: 6px 10px 6px 0; color: var(--soft); font-size: 12px; font-weight: 500; text-align: left;
  white-space: nowrap; }
td { padding: 9px 10px 9px 0; border-top: 1px solid var(--line); vertical-align: middle; overflow-wrap: anywhere; }
.n { text-align: right; white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
td.name b { font-weight: 600; }
td.meters, th.meters { padding-left: 22px; }
.hot { color: var(--hot); } .good { color: var(--good); } .warm { color: var(--warm); }
.meter { display: inline-block; width: 84px; height: 7px; margin-right: 9px; border-radius: 4px;
  background: var(--line); overflow: hidden; vertical-align: middle; }
.meter i { display: block; height: 100%; border-radius: 4px; background: var(--good); }
.meter.over i { background: var(--hot); }
svg { display: block; } svg .bar { fill: var(--bar); } svg .none { fill: var(--line); } svg .band { fill: var(--band); }
svg .value { fill: none; stroke: var(--value); stroke-width: 1.1; vector-effect: non-scaling-stroke; }
svg .outside { fill: none; stroke: var(--hot); stroke-width: 5; stroke-linecap: round;
  vector-effect: non-scaling-stroke; }
.series-card { margin: 0 0 16px; padding: 16px 18px; border: 1px solid var(--line); border-radius: 10px;
  break-inside: avoid; }
.series-card svg { width: 100%; height: 130px; margin: 10px 0 4px; } .axis { display: flex; font-size: 12px;
  color: var(--soft); justify-content: space-between; gap: 12px; } .axis span:last-child { text-align: right; }
.tip { margin: 10px 0 0; padding: 8px 12px; border-left: 3px solid var(--bar); background: var(--card);
  border-radius: 0 6px 6px 0; }
ul { margin: 8px 0; padding-left: 20px; } li { margin: 4px 0; overflow-wrap: anywhere; }
footer { margin-top: 48px; padding-top: 12px; border-top: 1px solid var(--line); font-size: 12px; color: var(--soft); }
@media print { :root { color-scheme: light; --page: #fff; --ink: #000; --soft: #444; --line: #ccc; --card: #f4f4f4;
  --band: #cfe2f7; --value: #22303f; --bar: #4d8fd1; --hot: #c4302b; --warm: #b26a00; --good: #2b7a4b; }
  body { max-width: none; padding: 0; font-size: 11pt; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media (max-width: 640px) { .wide, .meter { display: none; } body { padding: 20px 14px 40px; }
  td.meters, th.meters { padding-left: 0; text-align: right; } .series-card { padding: 12px; }
  h2 { margin-top: 32px; } }
"""
