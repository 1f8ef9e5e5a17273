//! Wall-clock time as text, at the cost of one division per request.
//!
//! The date part changes once a second and is kept until then. No time zones, no parsing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes times as RFC 3339 in UTC, to the millisecond.
#[derive(Debug)]
pub(crate) struct Clock {
    second: u64,
    /// `YYYY-MM-DDThh:mm:ss`, of that second.
    text: [u8; 19],
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: 0, text: *b"1970-01-01T00:00:00" }
    }
}

impl Clock {
    /// Appends a time. What is before 1970 is shown as 1970.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            self.text = date_time(self.second);
        }
        let millis = since.subsec_millis();
        out.extend_from_slice(&self.text);
        let digit = |n: u32| b'0' + (n % 10) as u8;
        out.extend_from_slice(&[
            b'.',
            digit(millis / 100),
            digit(millis / 10),
            digit(millis),
            b'Z',
        ]);
    }
}

/// The Gregorian date and time of a second since 1970.
fn date_time(second: u64) -> [u8; 19] {
    let (year, month, day) = date(second / 86_400);
    let of_day = second % 86_400;
    let mut text = *b"0000-00-00T00:00:00";
    let mut put = |at: usize, width: usize, value: u64| {
        let mut value = value;
        for place in text.iter_mut().skip(at).take(width).rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, of_day / 3600);
    put(14, 2, of_day / 60 % 60);
    put(17, 2, of_day % 60);
    text
}

/// Year, month and day of a day since 1970.
///
/// Years are counted from March, so that a leap day is the last of its year; a cycle of 400 years
/// has 146,097 days.
pub(crate) fn date(day: u64) -> (u64, u64, u64) {
    let day = day + DAYS_TO_MARCH_0000;
    let (cycle, of_cycle) = (day / 146_097, day % 146_097);
    let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + turn, month, of_month)
}

/// From the first of March of the year 0 to the first of January 1970.
const DAYS_TO_MARCH_0000: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_calendar_has_them() {
        let table = [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 5, "2000-02-28T23:59:59.005Z"),
            (951_782_400, 50, "2000-02-29T00:00:00.050Z"),
            (951_868_800, 999, "2000-03-01T00:00:00.999Z"),
            (1_709_164_799, 0, "2024-02-28T23:59:59.000Z"),
            (1_735_689_599, 0, "2024-12-31T23:59:59.000Z"),
            (1_735_689_600, 0, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ];
        let mut clock = Clock::default();
        for (second, millis, expected) in table {
            let mut out = Vec::new();
            clock.write(&mut out, UNIX_EPOCH + Duration::new(second, millis * 1_000_000));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
