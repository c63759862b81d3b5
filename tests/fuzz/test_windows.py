"""Maintenance windows and their rules of recurrence are planned, or refused with the field."""

from hypothesis import given
from hypothesis import strategies as st

from plugin.domain.windows import WindowRequest
from plugin.errors import WindowRefused
from tests.cpu import within
from tests.fuzz.extent import MAX_SECONDS, examples

NOW = 1_795_219_200  # 2026-11-21T00:00:00Z
FIELDS = ("name", "begin", "end", "duration", "rule", "timezone", "match", "before", "after")
TIMES = (
    *(
        "2026-11-21T02:00",
        "2026-11-21T02:00Z",
        "2026-03-29T02:30",
        "2026-11-21",
        "1990-01-01T00:00",
    ),
    *(
        "0001-01-01",
        "9999-12-31T23:59",
        "9000-12-31T23:59",
        "2024-02-29T00:00",
        "2026-W01",
        "",
        "x",
    ),
    *(
        "2026-11-21T02:00+23:59",
        "2026-11-21T02:00-14:00",
        "1900-01-01T00:00+00:00",
        "20261121T0200",
    ),
)
PARTS = (
    *("FREQ=SECONDLY", "FREQ=HOURLY", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY"),
    *(
        "FREQ=X",
        "INTERVAL=0",
        "INTERVAL=1",
        "INTERVAL=999999",
        "INTERVAL=99999999999",
        "INTERVAL=-1",
    ),
    *(
        "COUNT=0",
        "COUNT=1",
        "COUNT=99999999",
        "UNTIL=20270101T000000Z",
        "UNTIL=99991231",
        "UNTIL=x",
    ),
    *("BYDAY=SA", "BYDAY=-1SU,5MO", "BYDAY=53SU", "BYMONTH=2", "BYMONTHDAY=30", "BYMONTHDAY=-31"),
    *("BYYEARDAY=366", "BYWEEKNO=53", "BYSETPOS=-1", "BYSETPOS=366", "BYHOUR=2,3", "BYHOUR=25"),
    *("BYMINUTE=0,30", "BYSECOND=1", "BYEASTER=-2", "WKST=SU", "WKST=XX", "BYDAY=", "=", "RRULE:"),
)
LINES = ("EXDATE:20261128T020000", "RDATE:20270101T000000Z", "EXDATE:x", "DTSTART:20200101", "x")
SECONDS = (0, 1, 3600, 86_400, 7 * 86_400, 366 * 86_400, -1, 1 << 40)
ZONES = (
    "UTC",
    "Europe/Vienna",
    "America/St_Johns",
    "Pacific/Apia",
    "Antarctica/Troll",
    "x",
    "../x",
)

parts = st.lists(st.sampled_from(PARTS), max_size=6).map(";".join)
rules = st.lists(st.one_of(parts, parts, st.sampled_from(LINES)), max_size=4).map("\n".join)
requests = st.builds(
    WindowRequest,
    name=st.just("work"),
    start=st.sampled_from(TIMES),
    end=st.sampled_from((*TIMES, "", "", "")),
    duration=st.sampled_from((None, *SECONDS)),
    rule=st.one_of(parts, rules),
    timezone=st.sampled_from(ZONES),
    match=st.just("{}"),
    before=st.sampled_from(SECONDS),
    after=st.sampled_from(SECONDS),
)
likely_requests = st.builds(
    WindowRequest,
    name=st.just("work"),
    start=st.sampled_from(TIMES[:5]),
    duration=st.sampled_from(SECONDS[1:5]),
    rule=st.lists(st.sampled_from(PARTS), max_size=4).map(lambda some: ";".join([PARTS[2], *some])),
    timezone=st.sampled_from(ZONES[:5]),
    match=st.just("{}"),
)


@examples(usual=1000, long=20_000)
@given(st.one_of(requests, likely_requests))
def test_a_window_is_planned_or_refused_with_its_field(request: WindowRequest) -> None:
    def plan() -> None:
        try:
            window = request.window()
        except WindowRefused as refused:
            assert refused.field in FIELDS
            return
        window.state(NOW)
        window.nearest(NOW)
        assert window.first > 0

    within(MAX_SECONDS, plan)
