//! Durations as the Gateway API writes them (GEP-2257): one to four numbers of at most five digits,
//! each with one of the units `h`, `m`, `s`, `ms`.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time with the text form of GEP-2257.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

impl Duration {
    /// No time at all, which the Gateway API reads as "no limit".
    pub const ZERO: Self = Self(std::time::Duration::ZERO);

    /// Whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(std::time::Duration::from_secs(secs))
    }

    /// The span as the standard library has it.
    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

/// The text is not a GEP-2257 duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDuration;

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be one to four numbers with units h, m, s or ms, for example \"1m30s\"")
    }
}

impl std::error::Error for InvalidDuration {}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let mut millis = 0;
        for _ in 0..PARTS_MAX {
            let (part, tail) = part(rest)?;
            millis += part;
            rest = tail;
            if rest.is_empty() {
                return Ok(Self(std::time::Duration::from_millis(millis)));
            }
        }
        Err(InvalidDuration)
    }
}

/// Reads one number with its unit; gives the milliseconds and what follows.
fn part(text: &str) -> Result<(u64, &str), InvalidDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > DIGITS_MAX {
        return Err(InvalidDuration);
    }
    let (number, rest) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| InvalidDuration)?;
    let units = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    for (unit, millis) in units {
        if let Some(tail) = rest.strip_prefix(unit) {
            return Ok((number * millis, tail));
        }
    }
    Err(InvalidDuration)
}

impl fmt::Display for Duration {
    /// The shortest form: largest units first, nothing for zero parts. A span of more hours than
    /// five digits hold cannot be written; none that was read is that long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

const PARTS_MAX: usize = 4;
const DIGITS_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, millis, written) in [
            ("0s", 0, "0s"),
            ("0h", 0, "0s"),
            ("1h", 3_600_000, "1h"),
            ("90s", 90_000, "1m30s"),
            ("1500ms", 1_500, "1s500ms"),
            ("10s5ms", 10_005, "10s5ms"),
            ("5ms10s", 10_005, "10s5ms"),
            ("1h1h1h1h", 14_400_000, "4h"),
            ("99999h", 359_996_400_000, "99999h"),
            ("00001s", 1_000, "1s"),
        ] {
            let duration: Duration = text.parse().expect(text);
            assert_eq!(duration.get().as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in
            ["", "1", "s", "1d", "100000s", "1.5s", "-1s", "1h1h1h1h1h", " 1s", "1s ", "1us"]
        {
            assert_eq!(text.parse::<Duration>(), Err(InvalidDuration), "{text:?}");
        }
    }
}
