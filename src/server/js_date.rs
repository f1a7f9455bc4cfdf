//! Moments as JavaScript prints them.

use std::time::Duration;

/// A moment as JavaScript's `Date` prints it in UTC.
pub(super) fn to_string(since_1970: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or_default()];
    let (mut year, mut day) = (1970, days);
    while day >= 365 + leap(year) {
        day -= 365 + leap(year);
        year += 1;
    }
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!(
        "{weekday} {} {:02} {year} {:02}:{:02}:{:02} GMT+0000 (Coordinated Universal Time)",
        MONTHS[month],
        day + 1,
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

fn leap(year: u64) -> u64 {
    u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_printed_as_javascript_does() {
        let cases = [
            (0, "Thu Jan 01 1970 00:00:00"),
            (951_782_400, "Tue Feb 29 2000 00:00:00"),
            (1_700_000_000, "Tue Nov 14 2023 22:13:20"),
            (1_735_689_599, "Tue Dec 31 2024 23:59:59"),
        ];
        for (seconds, expected) in cases {
            let expected = format!("{expected} GMT+0000 (Coordinated Universal Time)");
            assert_eq!(to_string(Duration::from_secs(seconds)), expected);
        }
    }
}
