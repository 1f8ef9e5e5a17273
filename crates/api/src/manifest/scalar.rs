//! What a plain YAML scalar means. Kubernetes tools read YAML 1.1 through a Go library, so that an
//! unquoted `yes` is a boolean and `0123` is octal; a string field refuses both, and so do we.

/// The meaning of a plain scalar.
#[derive(Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no integer, or one that is too large.
    Float(f64),
    Text,
}

pub(super) fn plain(text: &str) -> Plain {
    // Most scalars are words; their first letter settles it.
    match text.as_bytes().first() {
        None => Plain::Null,
        Some(b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            word(text)
        }
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(text),
        Some(_) => Plain::Text,
    }
}

fn word(text: &str) -> Plain {
    match text {
        "~" | "null" | "Null" | "NULL" => Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Plain::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Plain::Bool(false)
        }
        _ => Plain::Text,
    }
}

fn number(text: &str) -> Plain {
    let lower = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(lower.as_str(), ".nan" | ".inf") {
        return Plain::Float(f64::NAN);
    }
    let digits = text.replace('_', "");
    if let Some(value) = integer(&digits) {
        return i64::try_from(value).map_or(Plain::Float(value as f64), Plain::Int);
    }
    if !is_float(&digits) {
        return Plain::Text;
    }
    match digits.parse::<f64>() {
        // Through JSON a whole number is an integer, however it was written.
        Ok(value) if value.fract() == 0.0 && value.abs() < 1e15 => Plain::Int(value as i64),
        Ok(value) => Plain::Float(value),
        Err(_) => Plain::Text,
    }
}

/// An integer in any notation of YAML 1.1 and Go: decimal, `0x`, `0o`, `0b`, octal with leading 0.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    Some(if negative { -value } else { value })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, meaning) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("null", Plain::Null),
            ("yes", Plain::Bool(true)),
            ("Off", Plain::Bool(false)),
            ("y", Plain::Bool(true)),
            ("80", Plain::Int(80)),
            ("-1", Plain::Int(-1)),
            ("+1", Plain::Int(1)),
            ("1_000", Plain::Int(1000)),
            ("0x1F", Plain::Int(31)),
            ("0o17", Plain::Int(15)),
            ("017", Plain::Int(15)),
            ("0b11", Plain::Int(3)),
            ("1e3", Plain::Int(1000)),
            ("8080.0", Plain::Int(8080)),
            ("1.5", Plain::Float(1.5)),
            (".5", Plain::Float(0.5)),
            ("1.", Plain::Int(1)),
            ("18446744073709551615", Plain::Float(18_446_744_073_709_551_615.0)),
            ("yesterday", Plain::Text),
            ("1.2.3", Plain::Text),
            ("10s", Plain::Text),
            ("0129", Plain::Int(129)),
            ("2026-01-01", Plain::Text),
            ("127.0.0.1", Plain::Text),
            ("-", Plain::Text),
            (".", Plain::Text),
            ("e5", Plain::Text),
            ("--1", Plain::Text),
        ] {
            assert_eq!(plain(text), meaning, "{text:?}");
        }
        assert!(matches!(plain("-.inf"), Plain::Float(value) if value.is_nan()));
    }
}
