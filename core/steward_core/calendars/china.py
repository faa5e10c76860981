"""China's public holidays and the weekend days that are worked in exchange for them, year by year.

The days come from the `holidays` library, which follows the State Council's yearly notices. A year that it has not
announced yet is provisional: the statutory holidays are known by sun and moon, the exchanged days are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from steward_tenants.texts import Bilingual

FIRST_YEAR, LAST_YEAR = 2001, 2099
WORKED = Bilingual("调休上班", "Worked in exchange for a holiday")


@dataclass(frozen=True)
class ChinaYear:
    """One year: its days off beside ordinary weekends, with their names, and the weekend days that are worked."""

    off: Mapping[date, Bilingual]
    worked: frozenset[date]
    provisional: bool


@lru_cache(maxsize=128)
def china_year(year: int) -> ChinaYear:
    """The days of a year; of years outside the library's range only weekends are known, and they are provisional."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return ChinaYear({}, frozenset(), provisional=True)
    # Half a second and some megabytes: only for processes that ask for working days.
    from holidays.countries.china import China, ChinaStaticHolidays  # noqa: PLC0415 - see above

    around = range(max(FIRST_YEAR, year - 1), min(LAST_YEAR, year + 1) + 1)
    chinese: Any = China(years=around, language="zh_CN")  # type: ignore[no-untyped-call]
    english: Any = China(years=around, language="en_US")  # type: ignore[no-untyped-call]
    off = {day: Bilingual(name, english.get(day) or name) for day, name in chinese.items() if day.year == year}
    worked = frozenset(day for day in chinese.weekend_workdays if day.year == year)
    announced = max(ChinaStaticHolidays.special_public_holidays)
    return ChinaYear(MappingProxyType(off), worked, provisional=year > announced)
