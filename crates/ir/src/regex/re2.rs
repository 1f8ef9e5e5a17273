//! RE2 text to the text that the regex engine here reads.
//!
//! Both know the same language but for four points: Perl classes (`\d \w \s \b`) are ASCII in RE2,
//! `\Q…\E` quotes, `\C` matches a byte (refused here, as in RE2's safe use), and the engine has
//! set operations inside brackets (`&&`, `--`, `~~`, nested `[`) that RE2 reads as plain characters.

use super::InvalidRegex;

/// The same expression in the engine's own syntax.
pub(super) fn to_rust(pattern: &str) -> Result<String, InvalidRegex> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.char_indices().peekable();
    let mut class = Class::Outside;
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            let Some((_, escaped)) = chars.next() else {
                return Err(InvalidRegex::Syntax("a backslash at the end".into()));
            };
            match escaped {
                'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                    out.push_str(perl_class(escaped, class != Class::Outside));
                }
                'b' | 'B' if class == Class::Outside => {
                    out.push_str(if escaped == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
                }
                'Q' => {
                    let rest = &pattern[at + 2..];
                    let quoted = rest.split(r"\E").next().unwrap_or(rest);
                    quoted.chars().for_each(|c| push_literal(&mut out, c));
                    let end = at + 2 + quoted.len() + 2;
                    while chars.peek().is_some_and(|(next, _)| *next < end) {
                        chars.next();
                    }
                }
                'C' => {
                    return Err(InvalidRegex::Syntax(
                        r"\C matches single bytes and is refused".into(),
                    ));
                }
                other => {
                    out.push('\\');
                    out.push(other);
                }
            }
            class = class.after_item();
            continue;
        }
        class = match (class, char) {
            (Class::Outside, '[') => {
                out.push('[');
                if chars.next_if(|(_, next)| *next == '^').is_some() {
                    out.push('^');
                }
                Class::Start
            }
            (Class::Outside, other) => {
                out.push(other);
                Class::Outside
            }
            (Class::Inside, ']') => {
                out.push(']');
                Class::Outside
            }
            (_, '[') if pattern[at..].starts_with("[:") => {
                let end = pattern[at..].find(":]").map_or(at + 1, |len| at + len + 2);
                out.push_str(&pattern[at..end]);
                while chars.peek().is_some_and(|(next, _)| *next < end) {
                    chars.next();
                }
                Class::Inside
            }
            (_, '[' | ']' | '&' | '~') => {
                out.push('\\');
                out.push(char);
                Class::Inside
            }
            (_, other) => {
                out.push(other);
                Class::Inside
            }
        };
    }
    Ok(out)
}

/// Where in a bracket expression the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Right behind `[` or `[^`, where `]` is a plain character.
    Start,
    Inside,
}

impl Class {
    fn after_item(self) -> Self {
        if self == Self::Outside { Self::Outside } else { Self::Inside }
    }
}

fn perl_class(letter: char, inside: bool) -> &'static str {
    match (letter, inside) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', false) => "[^0-9]",
        ('D', true) => r"\x{0}-/:-\x{10FFFF}",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', false) => "[^0-9A-Za-z_]",
        ('W', true) => r"\x{0}-/:-@\[-\^`\{-\x{10FFFF}",
        ('s', false) => r"[\t\n\x0C\r ]",
        ('s', true) => r"\t\n\x0C\r ",
        (_, false) => r"[^\t\n\x0C\r ]",
        (_, true) => r"\x{0}-\x{8}\x0B\x0E-\x1F!-\x{10FFFF}",
    }
}

fn push_literal(out: &mut String, char: char) {
    if char.is_ascii()
        && !char.is_ascii_alphanumeric()
        && !char.is_ascii_whitespace()
        && !char.is_ascii_control()
    {
        out.push('\\');
    }
    out.push(char);
}
