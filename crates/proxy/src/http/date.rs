//! The `Date` that a response gets when its origin sent none (RFC 9110 §6.6.1), as text that is
//! made once a second.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use router::{Head, head::Known};

use crate::telemetry::date;

/// Adds the field where it is missing.
pub(crate) fn stamp(head: &mut Head) {
    if head.known(Known::Date).is_none() {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        NOW.with_borrow_mut(|(second, text)| {
            if *second != since.as_secs() {
                *second = since.as_secs();
                *text = imf_fixdate(*second);
            }
            head.append(b"date", text);
        });
    }
}

thread_local! {
    static NOW: RefCell<(u64, [u8; 29])> = const { RefCell::new((0, EPOCH)) };
}

/// RFC 9110 §5.6.7.
fn imf_fixdate(second: u64) -> [u8; 29] {
    let (days, second) = (second / 86_400, second % 86_400);
    let (year, month, day) = date(days);
    let mut text = EPOCH;
    text[..3].copy_from_slice(DAYS[(days as usize + 4) % 7]);
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    for (at, width, number) in [
        (5, 2, day),
        (12, 4, year),
        (17, 2, second / 3600),
        (20, 2, second / 60 % 60),
        (23, 2, second % 60),
    ] {
        let mut number = number;
        for place in text[at..at + width].iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    text
}

const EPOCH: [u8; 29] = *b"Thu, 01 Jan 1970 00:00:00 GMT";
const DAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_the_calendar_has_them() {
        for (second, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&imf_fixdate(second)).unwrap(), expected);
        }
    }

    #[test]
    fn a_date_that_is_there_stays() {
        let mut head = Head::default();
        head.append(b"Date", b"x");
        stamp(&mut head);
        assert_eq!(head.values(b"date").collect::<Vec<_>>(), [b"x"]);
        head.clear();
        stamp(&mut head);
        assert_eq!(head.values(b"date").map(<[u8]>::len).collect::<Vec<_>>(), [29]);
    }
}
