"""The page on which an alarm is answered: no script, nothing from elsewhere, everything escaped by the template."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response, render_template_string

from plugin.web.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Drawing

STYLE = """
:root { color-scheme: light dark; --ink: #1c2230; --soft: #5b6475; --page: #f6f7f9; --card: #fff; --line: #d9dde5;
  --band: #cfe0f7; --value: #1f5fbf; --alarm: #c8312b; --mark: #fbe6b3; --act: #1f5fbf }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa4b5; --page: #14171d; --card: #1c2129; --line: #333b47;
    --band: #25405f; --value: #7db2ff; --alarm: #ff7b72; --mark: #4a3d17; --act: #7db2ff } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem 3rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
main { max-width: 46rem; margin: auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px }
h1 { margin: 0 0 .25rem; font-size: 1.35rem; overflow-wrap: anywhere } h2 { margin: 1.5rem 0 .5rem; font-size: 1rem }
p { margin: .25rem 0 } .soft, small { color: var(--soft) }
svg { display: block; width: 100%; height: auto; margin: 1rem 0 .5rem }
.frame { fill: none; stroke: var(--line) } .mark { fill: var(--mark); opacity: .6 } .band { fill: var(--band) }
.expected { fill: none; stroke: var(--soft); stroke-dasharray: 4 4 }
.value { fill: none; stroke: var(--value); stroke-width: 2; stroke-linejoin: round } .outside { fill: var(--alarm) }
text { fill: var(--soft); font: 12px system-ui, sans-serif }
label { display: block; margin-top: .75rem; font-size: .9rem }
input, textarea { width: 100%; margin-top: .2rem; padding: .5rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--page); color: inherit; font: inherit }
.verdicts button { display: flex; flex-direction: column; justify-content: flex-start }
.verdicts { display: grid; gap: .75rem; margin-top: 1rem; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)) }
button { padding: .75rem; border: 1px solid var(--act); border-radius: 8px; background: none; color: inherit;
  font: inherit; text-align: left; cursor: pointer }
button:hover, button:focus-visible { background: var(--band) } button b { display: block; color: var(--act) }
ul { padding-left: 1.25rem } li { margin: .25rem 0 } li form { display: inline } li button { padding: 0 .5rem }
"""
POLICY = ("default-src 'none'; style-src 'sha256-" + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
          + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
           "Cross-Origin-Opener-Policy": "same-origin"}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ page.title }}</title>
<style>""" + STYLE + """</style>
{% macro hidden() %}{% for name, value in page.link.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}{% endmacro %}
<main>
<h1>{{ page.title }}</h1>
{% for line in page.lines %}<p{% if not loop.first %} class="soft"{% endif %}>{{ line }}</p>
{% endfor %}
{% with drawing = page.drawing %}{% if drawing %}
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="The last hours in their band">
<rect class="mark" x="{{ drawing.marked[0] }}" y="{{ top }}" width="{{ drawing.marked[1] }}"
 height="{{ floor - top }}"/>
<path class="band" d="{{ drawing.band }}"/>
<path class="expected" d="{{ drawing.expected }}"/>
<path class="value" d="{{ drawing.value }}"/>
{% for x, y in drawing.outside %}<circle class="outside" cx="{{ x }}" cy="{{ y }}" r="3"/>
{% endfor %}
<path class="frame" d="M{{ left }} {{ top }}V{{ floor }}H{{ right }}"/>
{% for y, text in drawing.levels %}<text x="{{ left - 6 }}" y="{{ y + 4 }}" text-anchor="end">{{ text }}</text>
{% endfor %}
{% for x, text in drawing.moments %}<text x="{{ x }}" y="{{ height - 6 }}"
 text-anchor="{{ 'start' if loop.first else 'end' if loop.last else 'middle' }}">{{ text }}</text>
{% endfor %}
</svg>
<p class="soft"><small>Times are UTC. Blue: the value; shaded: its band; red: outside; yellow: what the answer is
about.</small></p>
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
<h2>What was it?</h2>
<form method="post" action="feedback">
{{ hidden() }}
<label>Comment, if you like<textarea name="comment" rows="2" maxlength="1000"></textarea></label>
{% if page.nameless %}
<label>Your name, if you like<input name="by" maxlength="100" autocomplete="name"></label>
{% endif %}
<div class="verdicts">
<button name="verdict" value="false_alarm"><b>False alarm</b>Nothing had happened. The like of it, if brief,
does not alert again on this series for some weeks.</button>
<button name="verdict" value="real"><b>Real</b>Something had. It is never learnt as normal.</button>
<button name="verdict" value="new_normal"><b>New normal</b>It is to stay. Accept the level of now, and learn
it.</button>
</div>
</form>
<p class="soft"><small>Nothing has been done yet. Every answer can be taken back.</small></p>
{% endif %}
</main>
</html>
"""


@dataclass(frozen=True)
class Content:
    """What one page says."""

    title: str
    lines: Sequence[str]
    drawing: Drawing | None = None
    link: Mapping[str, str] = field(default_factory=dict)  # what the forms send back
    answers: Sequence[tuple[int, str]] = ()  # that can be taken back: number and words
    asks: bool = False  # for an answer
    nameless: bool = False  # nobody knows who it is


def html(content: Content, status: int = 200) -> Response:
    """An answer for people."""
    body = render_template_string(PAGE, page=content, width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT,
                                  top=TOP, floor=HEIGHT - BOTTOM)
    return Response(body, status, HEADERS, mimetype="text/html")
