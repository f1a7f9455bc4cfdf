//! Moments as JavaScript writes them.

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// The furthest moment from 1970 that a `Date` can be, in milliseconds (ECMAScript, "Time Values and Time Range").
const FURTHEST: i64 = 8_640_000_000_000_000;

/// ECMAScript `Date.prototype.toISOString`, which is what a `Date` is in JSON; `None` for what is no valid `Date`.
pub(super) fn iso_8601(milliseconds: i64) -> Option<String> {
    if milliseconds.unsigned_abs() > FURTHEST.unsigned_abs() {
        return None;
    }
    let (year, month, day) = civil(milliseconds.div_euclid(MILLISECONDS_A_DAY));
    let rest = milliseconds.rem_euclid(MILLISECONDS_A_DAY);
    let (seconds, fraction) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Years of four digits go without a sign, all others have one and six digits.
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    Some(format!(
        "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"
    ))
}

/// Year, month and day of the Gregorian calendar, from the days since 1970-01-01.
///
/// Years are counted from March, so that the day which leap years have more is their last; they repeat every 400.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const FROM_MARCH_OF_0: i64 = 719_468;

    let days = days + FROM_MARCH_OF_0;
    let (era, day) = (
        days.div_euclid(DAYS_IN_400_YEARS),
        days.rem_euclid(DAYS_IN_400_YEARS),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let (month, next) = if from_march < 10 {
        (from_march + 3, 0)
    } else {
        (from_march - 9, 1)
    };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Node 20 says.
    #[test]
    fn moments_are_written_as_javascript_does() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1500, "1970-01-01T00:00:01.500Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (FURTHEST, "+275760-09-13T00:00:00.000Z"),
            (-FURTHEST, "-271821-04-20T00:00:00.000Z"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(iso_8601(milliseconds).as_deref(), Some(text), "{milliseconds}");
        }
        for no_date in [FURTHEST + 1, -FURTHEST - 1, i64::MAX, i64::MIN] {
            assert_eq!(iso_8601(no_date), None);
        }
    }
}
