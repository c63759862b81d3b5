"""What an estimate costs a month, where prices are given."""

import json

import pytest

from plugin.cli import main
from plugin.commands.size.estimate import Estimate
from plugin.commands.size.monthly_bill import MonthlyUse, Prices
from plugin.commands.size.unit_costs import SHIPPED
from tests.plugin.commands.size.test_shared import shared
from tests.plugin.commands.size.test_size import LOAD

NO_PRICES = Prices(None, None, None)
COMMAND = ["size", "--series", "1000000", "--workers", "12"]


def test_parts_are_amounts_times_prices() -> None:
    use = MonthlyUse(core_hours=1000, gib_hours=2000, disk_gib=300)
    prices = Prices(0.5, 0.25, 0.1)
    assert use.line(prices) == (
        "1,030 in the currency of the prices: processor 500 (1,000 core hours), memory 500"
        " (2,000 GiB hours), disk 30 (300 GiB)"
    )
    assert use.as_json(prices) == {"processor": 500, "memory": 500, "disk": 30, "total": 1030}


def test_what_has_no_price_is_left_out() -> None:
    use = MonthlyUse(core_hours=1000, gib_hours=2000, disk_gib=300)
    free_disk = Prices(0.5, None, 0.0)
    assert use.as_json(free_disk) == {"processor": 500, "disk": 0, "total": 500}
    assert use.line(NO_PRICES) is None and use.as_json(NO_PRICES) == {}


def test_a_process_alone_is_paid_in_whole_cores() -> None:
    estimate = Estimate(LOAD, SHIPPED["auto"])
    use = MonthlyUse.alone(estimate)
    assert 0 < estimate.busy_cores < 1 and use.core_hours == 730
    assert use.disk_gib == pytest.approx(estimate.disk_bytes / 2**30)


def test_machines_of_a_million_series() -> None:
    few, many = MonthlyUse.shared(shared(12)), MonthlyUse.shared(shared(20))
    fits = shared(12).fit_hours_per_day * 730 / 24
    assert few.core_hours == pytest.approx((12 + 2 + 4) * 730 + fits)
    assert many.core_hours - few.core_hours == pytest.approx(8 * 730)
    assert many.disk_gib == few.disk_gib
    assert few.gib_hours > 730 * 12 * shared(12).worker.service_bytes / 2**30


def test_the_command_prints_it_only_where_prices_are_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(COMMAND)
    assert "a month " not in capsys.readouterr().out
    prices = ["--price.core-hour", "0.04", "--price.gib-hour", "0.005", "--price.gib-month", "0.1"]
    main([*COMMAND, *prices])
    [line] = [line for line in capsys.readouterr().out.splitlines() if "a month " in line]
    bill = MonthlyUse.shared(shared(12)).line(Prices(0.04, 0.005, 0.1))
    assert line == f"  a month       {bill}"
    main([*COMMAND, "--price.gib-month", "0.1", "--json"])
    assert set(json.loads(capsys.readouterr().out)["cost_per_month"]) == {"disk", "total"}
    main(["size", "--series", "1000", "--price.core-hour", "1"])
    assert "  a month     730 in the currency" in capsys.readouterr().out


@pytest.mark.parametrize("price", ["-1", "free", "1e3", ""])
def test_a_price_is_a_number(price: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*COMMAND, f"--price.core-hour={price}"])
    assert "valid is a price such as 0.04" in capsys.readouterr().err
