"""The report as one HTML file that needs nothing else: no script, no font, no picture from
elsewhere. Pure."""

import re
from collections.abc import Iterable
from html import escape

from plugin.commands.report.gather import Noisy, Report, WatchLine
from plugin.commands.report.style import STYLE
from plugin.commands.report.svg import band, bars
from plugin.commands.report.words import (
    OVER,
    ago,
    count,
    moment,
    promised,
    share,
    shown,
    summary,
    unseen,
)
from plugin.version import VERSION


def page(report: Report) -> str:
    """All of it; whatever comes from the service is escaped."""
    parts = [
        _head(report),
        _watches(report),
        _noisiest(report),
        _unseen(report),
        (
            f"<footer>Made by bandwatch {escape(VERSION)} from {escape(report.url)}. An alarm is"
            " one episode of one series outside its band; one that was answered as real is not"
            " counted. A promise of less than one alarm counts as one. All times are UTC.</footer>"
        ),
    ]
    title = f"Bandwatch: {report.days} days until {moment(report.end)}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    return (
        f"<h1>How noisy were the last {report.days} days?</h1>"
        f'<p class="soft">{escape(moment(report.begin))} to {escape(moment(report.end))}</p>'
        f'<p class="lead">{escape(summary(report))}.</p>'
    )


def _watches(report: Report) -> str:
    heads = [
        ("Watch", ""),
        ("Alarms per day", "wide"),
        ("Alarms", "n"),
        ("Promised", "n"),
        ("Budget spent", "meters"),
        ("Incidents", "n wide"),
        ("Scored", "n wide"),
    ]
    most = max([1, *(number for line in report.watches for number in line.per_day)])
    rows = "".join(_watch(line, most) for line in report.watches)
    head = f"<thead><tr>{_cells('th', heads)}</tr></thead>"
    return f"<h2>Watches</h2><table>{head}<tbody>{rows}</tbody></table>"


def _watch(line: WatchLine, most: int) -> str:
    over = line.spent > OVER
    meter = (
        f'<span class="meter{" over" if over else ""}"><i'
        f' style="width:{min(1.0, line.spent):.0%}"></i></span><span'
        f' class="{"hot" if over else "good"}">{line.spent:.0%}</span>'
    )
    drawn = (
        bars(line.per_day, most, f"alarms of {escape(line.watch, quote=True)} per day")
        if line.per_day
        else ""
    )
    return (
        f'<tr><td class="name"><b>{escape(line.watch)}</b><br><span class="soft">{line.series:,}'
        f' series</span></td><td class="wide">{drawn}</td><td class="n">{line.alarms:,}</td><td'
        f' class="n">{promised(line.promised)}</td><td class="meters">{meter}</td><td class="n'
        f' wide">{line.incidents:,}</td><td class="n wide">{share(line.scored)}</td></tr>'
    )


def _noisiest(report: Report) -> str:
    if not report.noisy:
        return '<h2>The noisiest series</h2><p class="good">No series has raised an alarm.</p>'
    drawn = [_card(each, report) for each in report.noisy if each.points]
    rest = [each for each in report.noisy if not each.points]
    heads = [("Series", ""), ("Alarms", "n"), ("Outside for", "n")]
    table = (
        f"<table><thead><tr>{_cells('th', heads)}</tr></thead>"
        f"<tbody>{''.join(map(_row, rest))}</tbody></table>"
        if rest
        else ""
    )
    return f"<h2>The noisiest series</h2>{''.join(drawn)}{table}"


def _card(each: Noisy, report: Report) -> str:
    said = (
        f"{count(each.alarms, 'alarm')}, {promised(each.promised)} promised; outside for "
        f"{ago(60 * each.minutes_outside)}; highest score {each.worst_score:.2g}; "
        f"the latest at {moment(each.last)}; values from {shown(each)}"
    )
    begin = each.points[0].time
    drawn = band(each.points, begin, report.end, f"{escape(each.series, quote=True)} in its band")
    return (
        f'<div class="series-card"><h3>{_name(each.series)}</h3><p'
        f' class="soft">{escape(each.watch)}: '
        f'{escape(said)}</p>{drawn}<div class="axis"><span>{moment(begin)}</span>'
        f"<span>{moment(report.end)}</span></div>{_tip(each)}</div>"
    )


def _row(each: Noisy) -> str:
    return (
        f"<tr><td>{_name(each.series)}<br><span"
        f' class="soft">{escape(each.watch)}</span>{_tip(each)}</td><td'
        f' class="n">{each.alarms:,}</td><td class="n">{ago(60 * each.minutes_outside)}</td></tr>'
    )


def _tip(each: Noisy) -> str:
    return f'<p class="tip">{_coded(each.suggestion)}</p>' if each.suggestion else ""


def _name(series: str) -> str:
    """A line may break between labels."""
    return escape(series).replace(",", ",<wbr>")


def _unseen(report: Report) -> str:
    notes = [escape(note) for note in unseen(report)]
    notes += [
        f"{escape(each.watch)}: <code>{escape(each.series)}</code> has no samples for"
        f" {ago(each.age_seconds)}"
        for each in report.absent
    ]
    said = (
        "<ul>" + "".join(f"<li>{note}</li>" for note in notes) + "</ul>"
        if notes
        else '<p class="good">Every series was scored all the time.</p>'
    )
    return f"<h2>What could not be scored</h2>{said}"


def _cells(tag: str, heads: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<{tag} class="{kind}">{escape(name)}</{tag}>' for name, kind in heads)


def _coded(text: str) -> str:
    """What stands in backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
