//! RE2 text to the text that the regex engine here reads.
//!
//! Both know the same language but for these points: Perl classes (`\d \w \s \b`) are ASCII in RE2;
//! `\Q…\E` quotes; `\C` matches a byte (refused here, as in RE2's safe use); a brace that begins no
//! repetition is a plain character; and the engine knows more than RE2, namely set operations
//! inside brackets (`&&`, `--`, `~~`, nested `[`), `\<` and `\>` as word boundaries, and the flags
//! `x`, `u` and `R`. The first two kinds are plain characters in RE2, the flags are refused.

use super::InvalidRegex;

/// The same expression in the engine's own syntax.
pub(super) fn to_rust(pattern: &str) -> Result<String, InvalidRegex> {
    let mut reader = Reader {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        class: Class::Outside,
    };
    while let Some(char) = reader.next() {
        match (reader.class, char) {
            (_, '\\') => reader.escape()?,
            (Class::Outside, _) => reader.outside(char)?,
            (Class::Start | Class::Inside, _) => reader.inside(char)?,
        }
    }
    Ok(reader.out)
}

struct Reader<'p> {
    rest: &'p str,
    out: String,
    class: Class,
}

/// Where in a bracket expression the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Right behind `[` or `[^`, where `]` and `-` are plain characters.
    Start,
    Inside,
}

impl<'p> Reader<'p> {
    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }

    /// What lies before `end`, if it comes; the reader goes on behind it.
    fn take_until(&mut self, end: &str) -> Option<&'p str> {
        let (text, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(text)
    }

    fn escape(&mut self) -> Result<(), InvalidRegex> {
        let inside = self.class != Class::Outside;
        let Some(escaped) = self.next() else { return Err(refused("a backslash at the end")) };
        match escaped {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.out.push_str(perl_class(escaped, inside)),
            'b' if !inside => self.out.push_str(r"(?-u:\b)"),
            'B' if !inside => self.out.push_str(r"(?-u:\B)"),
            'Q' => {
                let rest = self.rest;
                let quoted = self.take_until(r"\E").unwrap_or(rest);
                if quoted.len() == rest.len() {
                    self.rest = "";
                }
                quoted.chars().for_each(|char| push_literal(&mut self.out, char));
            }
            'C' => return Err(refused(r"\C matches single bytes and is refused")),
            '<' | '>' => self.out.push(escaped),
            'p' | 'P' | 'x' => {
                self.out.extend(['\\', escaped]);
                if self.rest.starts_with('{')
                    && let Some(name) = self.take_until("}")
                {
                    self.out.extend([name, "}"]);
                }
            }
            other => self.out.extend(['\\', other]),
        }
        if inside {
            self.class = Class::Inside;
        }
        Ok(())
    }

    fn outside(&mut self, char: char) -> Result<(), InvalidRegex> {
        match char {
            '[' => {
                self.class = Class::Start;
                self.out.push('[');
                if let Some(rest) = self.rest.strip_prefix('^') {
                    self.rest = rest;
                    self.out.push('^');
                }
            }
            '{' if !repeats(self.rest) => self.out.push_str(r"\{"),
            '(' if has_foreign_flag(self.rest) => {
                return Err(refused("a flag other than i, m, s and U"));
            }
            other => self.out.push(other),
        }
        Ok(())
    }

    fn inside(&mut self, char: char) -> Result<(), InvalidRegex> {
        let start = self.class == Class::Start;
        self.class = Class::Inside;
        match char {
            ']' if !start => {
                self.class = Class::Outside;
                self.out.push(']');
            }
            '[' if self.rest.starts_with(':') && self.rest.contains(":]") => {
                let name = self.take_until(":]").unwrap_or_default();
                let bare = name.trim_start_matches(':');
                if !POSIX_CLASSES.contains(&bare.strip_prefix('^').unwrap_or(bare)) {
                    return Err(refused("an unknown class in double brackets"));
                }
                self.out.extend(["[", name, ":]"]);
            }
            '-' if start => self.out.push_str(r"\-"),
            // A range that ends in a minus.
            '-' if self.rest.starts_with('-') => {
                self.next();
                self.out.push_str(r"-\-");
            }
            '[' | ']' | '&' | '~' => self.out.extend(['\\', char]),
            other => self.out.push(other),
        }
        Ok(())
    }
}

/// Whether what follows a brace makes it a repetition: `n}`, `n,}` or `n,m}`.
fn repeats(rest: &str) -> bool {
    let Some((bounds, _)) = rest.split_once('}') else { return false };
    let (from, to) = bounds.split_once(',').unwrap_or((bounds, ""));
    !from.is_empty() && from.bytes().chain(to.bytes()).all(|byte| byte.is_ascii_digit())
}

/// Whether what follows a parenthesis sets a flag that RE2 does not have.
fn has_foreign_flag(rest: &str) -> bool {
    let Some(flags) = rest.strip_prefix('?') else { return false };
    let letter = |char: char| char.is_ascii_alphabetic() || char == '-';
    let after = flags.trim_start_matches(letter);
    let flags = &flags[..flags.len() - after.len()];
    after.starts_with([':', ')']) && flags.contains(|flag| !"imsU-".contains(flag))
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
    if regex_syntax::is_meta_character(char) {
        out.push('\\');
    }
    out.push(char);
}

fn refused(why: &str) -> InvalidRegex {
    InvalidRegex::Syntax(why.into())
}

const POSIX_CLASSES: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];
