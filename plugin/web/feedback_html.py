"""The page on which an alarm is answered: no script, nothing from elsewhere, everything escaped by
the template."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response, render_template_string

from plugin.web.band_drawing import HEIGHT, WIDTH, Drawing

STYLE = """
:root { color-scheme: light dark; --ink: #1c2230; --soft: #5b6475; --page: #f6f7f9; --card: #fff; --line: #d9dde5;
  --band: #cfe0f7; --value: #1f5fbf; --alarm: #c8312b; --mark: #fbe6b3; --act: #1f5fbf }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa4b5; --page: #14171d; --card: #1c2129; --line: #333b47;
    --band: #25405f; --value: #7db2ff; --alarm: #ff7b72; --mark: #6b571d; --act: #7db2ff } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
main { max-width: 46rem; margin: auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px }
h1 { margin: .1rem 0 .35rem; font-size: 1.4rem; line-height: 1.3; overflow-wrap: anywhere }
h2 { margin: 1.75rem 0 .5rem; font-size: 1rem }
p { margin: .25rem 0; overflow-wrap: anywhere } .soft, small { color: var(--soft) }
.name { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace }
figure { display: grid; margin: 1.5rem 0 0; gap: .35rem .6rem; grid-template: 13rem auto / auto 1fr;
  color: var(--soft); font-size: .8rem; line-height: 1 }
.levels { display: flex; flex-direction: column-reverse; justify-content: space-between; margin: -.4rem 0;
  text-align: right; white-space: nowrap }
.moments { display: flex; grid-column: 2; justify-content: space-between }
figcaption { grid-column: 1 / 3; margin-top: .4rem; line-height: 1.5 }
svg { width: 100%; height: 100%; overflow: visible } svg path { vector-effect: non-scaling-stroke }
.frame { fill: none; stroke: var(--line) } .mark { fill: var(--mark); opacity: .6 } .band { fill: var(--band) }
.expected { fill: none; stroke: var(--soft); stroke-dasharray: 4 4 }
.value { fill: none; stroke: var(--value); stroke-width: 1.5; stroke-linejoin: round }
.outside { fill: none; stroke: var(--alarm); stroke-width: 6; stroke-linecap: round }
label { flex: 1 1 12rem; font-size: .9rem } .said { display: flex; flex-wrap: wrap; gap: .5rem .75rem }
input { width: 100%; margin-top: .2rem; padding: .5rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--page); color: inherit; font: inherit }
.verdicts { display: grid; gap: .75rem; margin: 1rem 0; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)) }
.verdicts button { display: flex; flex-direction: column; justify-content: flex-start }
button { padding: .75rem; border: 1px solid var(--act); border-radius: 8px; background: none; color: inherit;
  font: inherit; font-size: .9rem; text-align: left; cursor: pointer }
button:hover, button:focus-visible { background: var(--band) } button b { color: var(--act); font-size: 1rem }
ul { margin: 0; padding: 0; list-style: none }
li { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; justify-content: space-between;
  padding: .6rem .75rem; border: 1px solid var(--line); border-radius: 8px } li + li { margin-top: .5rem }
li button { padding: .25rem .6rem }
@media (max-width: 40rem) { body { padding: .5rem .5rem 2rem } main { padding: 1rem } .verdicts { gap: .5rem }
  figure { grid-template-rows: 10rem auto } }
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

PAGE = (
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title }}</title>
<style>"""
    + STYLE
    + """</style>
{% macro hidden() %}{% for name, value in page.link.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}{% endmacro %}
<main>
{% if page.about %}<p class="soft"><small>{{ page.about }}</small></p>{% endif %}
<h1>{{ page.title }}</h1>
{% for part in page.series %}{% if loop.first %}<p class="name">{% endif %}{{ part }}<wbr>{% if loop.last %}</p>
{% endif %}{% endfor %}
{% for line in page.lines %}<p>{{ line }}</p>
{% endfor %}
{% with drawing = page.drawing %}{% if drawing %}
<figure>
<div class="levels">{% for text in drawing.levels %}<span>{{ text }}</span>{% endfor %}</div>
<svg viewBox="0 0 {{ width }} {{ height }}" preserveAspectRatio="none" role="img" aria-label="The value in its band">
<rect class="mark" x="{{ drawing.marked[0] }}" width="{{ drawing.marked[1] }}" height="{{ height }}"/>
<path class="band" d="{{ drawing.band }}"/>
<path class="expected" d="{{ drawing.expected }}"/>
<path class="value" d="{{ drawing.value }}"/>
<path class="outside" d="{{ drawing.outside }}"/>
<path class="frame" d="M0 0V{{ height }}H{{ width }}"/>
</svg>
<div class="moments">{% for text in drawing.moments %}<span>{{ text }}</span>{% endfor %}</div>
<figcaption>Times are UTC. Blue: the value; shaded: its band; red: outside; yellow: what the answer is
about.</figcaption>
</figure>
{% endif %}{% endwith %}
{% if page.answers %}
<h2>Answered</h2>
<ul>
{% for id, words in page.answers %}<li>{{ words }}
<form method="post" action="feedback">{{ hidden() }}<input type="hidden" name="withdraw" value="{{ id }}">
<button>Take it back</button></form></li>
{% endfor %}
</ul>
{% endif %}
{% if page.asks %}
<h2>{{ "Was it something else?" if page.answers else "What was it?" }}</h2>
<form method="post" action="feedback">
{{ hidden() }}
<div class="said">
<label>Comment, if you like<input name="comment" maxlength="1000" autocomplete="off"></label>
{% if page.nameless %}
<label>Your name, if you like<input name="by" maxlength="100" autocomplete="name"></label>
{% endif %}
</div>
<div class="verdicts">
<button name="verdict" value="false_alarm"><b>False alarm</b>Nothing was wrong. Brief ones like it stay quiet on
this series for some weeks.</button>
<button name="verdict" value="real"><b>Real</b>Something was wrong. It is never learnt as normal.</button>
<button name="verdict" value="new_normal"><b>New normal</b>It stays like this. The level of now is accepted and
learnt.</button>
</div>
</form>
<p class="soft"><small>{{ "A new answer replaces the one above." if page.answers else "Nothing has been done yet." }}
Every answer can be taken back.</small></p>
{% endif %}
</main>
</html>
"""
)


@dataclass(frozen=True)
class Content:
    """What one page says."""

    title: str
    lines: Sequence[str]
    about: str = ""  # where and when, above the title
    series: Sequence[str] = ()  # its name, in parts between which a line may break
    drawing: Drawing | None = None
    link: Mapping[str, str] = field(default_factory=dict)  # what the forms send back
    answers: Sequence[tuple[int, str]] = ()  # that can be taken back: number and words
    asks: bool = False  # for an answer
    nameless: bool = False  # nobody knows who it is


def html(content: Content, status: int = 200) -> Response:
    """An answer for people."""
    body = render_template_string(PAGE, page=content, width=WIDTH, height=HEIGHT)
    return Response(body, status, HEADERS, mimetype="text/html")
