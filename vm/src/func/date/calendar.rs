//! The proleptic Gregorian calendar over 64-bit numbers: days, weeks and clock time of every date BSON can hold.
//!
//! Pure arithmetic; it knows neither time zones nor BSON. Day 0 is 1970-01-01.

/// Days in 400 years, after which the calendar repeats.
pub(crate) const DAYS_PER_CYCLE: i64 = 146_097;
/// Seconds in a day.
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// A date and time of day in some zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Civil {
    /// The day since 1970-01-01.
    pub day_number: i64,
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

/// A week date of ISO 8601.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IsoWeek {
    /// The year the week belongs to.
    pub year: i64,
    /// 1 to 53.
    pub week: i64,
    /// 1 (Monday) to 7.
    pub weekday: i64,
}

/// The number of the first day of a month, for any month number: month 13 is January of the next year.
pub(crate) fn month_start(year: i64, month: i64) -> i64 {
    let months = i128::from(year) * 12 + i128::from(month) - 1;
    let (year, month) = (months.div_euclid(12) as i64, months.rem_euclid(12) as i64 + 1);
    // Counting years from March puts the leap day last (Hinnant, "chrono-compatible low-level date algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle * DAYS_PER_CYCLE + day_of_cycle - 719_468
}

/// The number of a day given by year, month and day; the day may lie outside the month.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    month_start(year, month) + day - 1
}

/// Whether February has 29 days.
pub(crate) fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days the month has.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    month_start(year, month + 1) - month_start(year, month)
}

/// The Monday on which week 1 of an ISO year begins: the week that holds January 4.
pub(crate) fn iso_year_start(year: i64) -> i64 {
    let january_4 = day_number(year, 1, 4);
    january_4 - (weekday(january_4) - 1)
}

/// The day of the week by ISO 8601: 1 (Monday) to 7 (Sunday).
pub(crate) fn weekday(day_number: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (day_number + 3).rem_euclid(7) + 1
}

impl Civil {
    /// The date and time so many seconds after 1970-01-01T00:00 on the same clock.
    pub(crate) fn from_seconds(seconds: i64) -> Civil {
        let day_number = seconds.div_euclid(SECONDS_PER_DAY);
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let shifted = day_number + 719_468;
        let cycle = shifted.div_euclid(DAYS_PER_CYCLE);
        let day_of_cycle = shifted.rem_euclid(DAYS_PER_CYCLE);
        let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
        let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Civil {
            day_number,
            year: cycle * 400 + year_of_cycle + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// Seconds since midnight.
    pub(crate) fn second_of_day(&self) -> i64 {
        self.hour * 3600 + self.minute * 60 + self.second
    }

    /// 1 to 366.
    pub(crate) fn day_of_year(&self) -> i64 {
        self.day_number - day_number(self.year, 1, 1) + 1
    }

    /// MongoDB's `$dayOfWeek`: 1 (Sunday) to 7 (Saturday).
    pub(crate) fn day_of_week(&self) -> i64 {
        weekday(self.day_number) % 7 + 1
    }

    /// MongoDB's `$week`: weeks begin on Sunday, week 1 on the year's first Sunday, the days before it are week 0.
    pub(crate) fn week_of_year(&self) -> i64 {
        (self.day_of_year() + 7 - self.day_of_week()) / 7
    }

    /// The ISO week date.
    pub(crate) fn iso_week(&self) -> IsoWeek {
        let weekday = weekday(self.day_number);
        // A week belongs to the year of its Thursday.
        let thursday = self.day_number - weekday + 4;
        let year = Civil::from_seconds(thursday * SECONDS_PER_DAY).year;
        let week = (thursday - day_number(year, 1, 1)) / 7 + 1;
        IsoWeek { year, week, weekday }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_back() {
        for (year, month, day, number) in [
            (1970, 1, 1, 0),
            (1969, 12, 31, -1),
            (2000, 2, 29, 11_016),
            (1900, 3, 1, -25_508),
            (1, 1, 1, -719_162),
            (0, 12, 31, -719_163),
            (9999, 12, 31, 2_932_896),
        ] {
            assert_eq!(day_number(year, month, day), number);
            let civil = Civil::from_seconds(number * SECONDS_PER_DAY + 3_661);
            assert_eq!((civil.year, civil.month, civil.day), (year, month, day));
            assert_eq!((civil.hour, civil.minute, civil.second), (1, 1, 1));
        }
        for number in (-1_000_000..1_000_000).step_by(97) {
            let civil = Civil::from_seconds(number * SECONDS_PER_DAY);
            assert_eq!(day_number(civil.year, civil.month, civil.day), number);
        }
    }

    #[test]
    fn months_outside_the_year_carry() {
        assert_eq!(month_start(2017, 14), day_number(2018, 2, 1));
        assert_eq!(month_start(2017, 0), day_number(2016, 12, 1));
        assert_eq!(month_start(2017, -11), day_number(2016, 1, 1));
        assert_eq!(days_in_month(2024, 2), 29);
        assert_eq!(days_in_month(1900, 2), 28);
        assert_eq!(days_in_month(2023, 12), 31);
    }

    /// Week dates from the table of ISO 8601 week examples (Wikipedia) and MongoDB's manual.
    #[test]
    fn week_dates() {
        for (date, expected) in [
            ((2005, 1, 1), (2004, 53, 6)),
            ((2007, 1, 1), (2007, 1, 1)),
            ((2008, 12, 29), (2009, 1, 1)),
            ((2010, 1, 3), (2009, 53, 7)),
            ((2017, 1, 1), (2016, 52, 7)),
        ] {
            let civil = Civil::from_seconds(day_number(date.0, date.1, date.2) * SECONDS_PER_DAY);
            let iso = civil.iso_week();
            assert_eq!((iso.year, iso.week, iso.weekday), expected);
            assert_eq!(iso_year_start(iso.year) + (iso.week - 1) * 7 + iso.weekday - 1, civil.day_number);
        }
        // 2014-01-01 is a Wednesday, before the year's first Sunday; 2016-01-03 is the first Sunday.
        let at = |year, month, day| Civil::from_seconds(day_number(year, month, day) * SECONDS_PER_DAY);
        assert_eq!((at(2014, 1, 1).week_of_year(), at(2014, 1, 1).day_of_week()), (0, 4));
        assert_eq!((at(2016, 1, 3).week_of_year(), at(2016, 1, 3).day_of_year()), (1, 3));
        assert_eq!(at(2000, 12, 31).day_of_year(), 366);
    }
}
