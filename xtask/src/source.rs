//! A Rust file split into what is code and what is comment, line by line.
//!
//! It knows just enough of the lexical grammar (strings, raw strings, characters, nested comments)
//! for a rule to ask "is this word code?" without a parser. It does not understand macros or `cfg`
//! beyond `cfg(test)`.

use std::ops::RangeInclusive;

/// One lexed file.
pub(crate) struct Source {
    /// Each line with comments removed and the inside of strings blanked.
    pub(crate) code: Vec<String>,
    /// Each line's comment text, empty where there is none.
    pub(crate) comments: Vec<String>,
    /// The items behind `#[cfg(test)]`, as line numbers from 1.
    pub(crate) test_items: Vec<TestItem>,
    /// The whole file is test code.
    test_file: bool,
}

/// One item that exists in test builds only and has its body in this file.
pub(crate) struct TestItem {
    pub(crate) lines: RangeInclusive<usize>,
    pub(crate) is_module: bool,
}

impl Source {
    /// Lexes a file; the path decides whether all of it is test code.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let (code, comments) = (lines(&code), lines(&comments));
        let test_items = test_items(&code);
        let test_file = path.split('/').any(|part| part == "tests" || part == "tests.rs");
        Self { code, comments, test_items, test_file }
    }

    /// Whether the line, counted from 1, is compiled for tests only.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_file || self.test_items.iter().any(|item| item.lines.contains(&line))
    }

    /// The reason in `// tidy: allow <rule>: <reason>` on the line itself or the one above it.
    pub(crate) fn allows(&self, line: usize, rule: &str) -> bool {
        let marker = format!("tidy: allow {rule}:");
        [line, line.saturating_sub(1)].into_iter().filter(|&at| at > 0).any(|at| {
            self.comments
                .get(at - 1)
                .and_then(|comment| comment.split_once(&marker))
                .is_some_and(|(_, reason)| !reason.trim().is_empty())
        })
    }

    /// The lines of code with their numbers, from 1.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(at, line)| (at + 1, line.as_str()))
    }
}

/// Whether `word` stands in `line` with no identifier character around it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_name) && !line[at + word.len()..].starts_with(part_of_name)
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

enum Mode {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// Copies every character to exactly one of the two outputs, line breaks to both.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut mode = Mode::Code;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let mut step = 1;
        match &mut mode {
            _ if c == '\n' => {
                code.push('\n');
                comments.push('\n');
                if matches!(mode, Mode::LineComment) {
                    mode = Mode::Code;
                }
            }
            Mode::Code => (mode, step) = code_at(&chars, at, &mut code),
            Mode::LineComment => comments.push(c),
            Mode::BlockComment(depth) => match (c, next) {
                ('*', Some('/')) if *depth == 1 => (mode, step) = (Mode::Code, 2),
                ('*', Some('/')) => (*depth, step) = (*depth - 1, 2),
                ('/', Some('*')) => (*depth, step) = (*depth + 1, 2),
                _ => comments.push(c),
            },
            // A line break after the backslash must still be copied, so only one step there.
            Mode::Text if c == '\\' && next != Some('\n') => step = 2,
            Mode::Text if c == '"' => {
                code.push('"');
                mode = Mode::Code;
            }
            Mode::Text => {}
            Mode::RawText(hashes) => {
                if c == '"' && chars[at + 1..].iter().take_while(|&&c| c == '#').count() >= *hashes
                {
                    code.push('"');
                    step += *hashes;
                    mode = Mode::Code;
                }
            }
        }
        at += step;
    }
    (code, comments)
}

/// Reads one token start in code; says what follows and how many characters were taken.
fn code_at(chars: &[char], at: usize, code: &mut String) -> (Mode, usize) {
    let c = chars[at];
    let ahead = |n: usize| chars.get(at + n).copied();
    match c {
        '/' if ahead(1) == Some('/') => return (Mode::LineComment, 2),
        '/' if ahead(1) == Some('*') => return (Mode::BlockComment(1), 2),
        '"' => {
            code.push('"');
            return (Mode::Text, 1);
        }
        'r' if !in_name(chars, at) => {
            let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
            if ahead(1 + hashes) == Some('"') {
                code.push('"');
                return (Mode::RawText(hashes), 2 + hashes);
            }
        }
        // A character, unless it is a lifetime: those have no second quote two places on.
        '\'' if ahead(1) == Some('\\') => {
            let rest = chars.iter().skip(at + 3);
            let taken = rest.take_while(|&&c| c != '\'').count() + 4;
            code.push_str("' '");
            return (Mode::Code, taken);
        }
        '\'' if ahead(2) == Some('\'') => {
            code.push_str("' '");
            return (Mode::Code, 3);
        }
        _ => {}
    }
    code.push(c);
    (Mode::Code, 1)
}

/// Whether the letter at `at` continues a name, so that it opens no raw string. `br` and `cr` do.
fn in_name(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|i| chars.get(i)).copied();
    let continues = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match before(1) {
        Some('b' | 'c') => continues(before(2)),
        other => continues(other),
    }
}

fn test_items(code: &[String]) -> Vec<TestItem> {
    let mut items: Vec<TestItem> = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let inside = items.last().is_some_and(|item| item.lines.contains(&(at + 1)));
        if inside || !(line.contains("#[cfg(test)]") || line.contains("#[cfg(all(test")) {
            continue;
        }
        if let Some(end) = item_end(&code[at..]) {
            let head = code[at..].iter().take(4).take_while(|l| !l.contains('{'));
            let opening = code[at..].iter().find(|l| l.contains('{'));
            let is_module = head.chain(opening).any(|l| has_word(l, "mod"));
            items.push(TestItem { lines: at + 1..=at + 1 + end, is_module });
        }
    }
    items
}

/// The offset of the line on which the item's body closes; none for `mod name;`.
fn item_end(code: &[String]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, line) in code.iter().enumerate() {
        for c in line.chars() {
            match c {
                ';' if depth == 0 => return None,
                '{' => depth += 1,
                '}' if depth <= 1 => return Some(at),
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_characters_and_comments_are_not_code() {
        let cases = [
            ("let a = \"b // c\"; // d", "let a = \"\"; ", " d"),
            ("r#\"a \" b\"# c", "\"\" c", ""),
            ("br\"a\" for\"b\"", "b\"\" for\"\"", ""),
            ("'\"' 'x' '\\'' 'a", "' ' ' ' ' ' 'a", ""),
            ("a /* b /* c */ d */ e", "a  e", " b  c  d "),
            ("\"a\\\"b\" c", "\"\" c", ""),
        ];
        for (text, code, comment) in cases {
            let (got_code, got_comment) = split(text);
            assert_eq!((got_code.as_str(), got_comment.as_str()), (code, comment), "{text}");
        }
    }

    #[test]
    fn lines_keep_their_numbers() {
        let source = Source::new("a.rs", "\"one\ntwo \\\n three\"\n/* x\n*/ fn f() {}\n");
        assert_eq!(source.code[4], " fn f() {}");
        assert_eq!(source.code.len(), 5);
    }

    #[test]
    fn test_code_is_known_by_path_and_by_attribute() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("src/a.rs", text);
        let tests: Vec<usize> = (1..=6).filter(|&line| source.is_test(line)).collect();
        assert_eq!(tests, [2, 3, 4, 5]);
        assert!(source.test_items[0].is_module);
        assert!(Source::new("crates/a/tests/b.rs", text).is_test(1));
        assert!(Source::new("crates/a/src/b/tests.rs", text).is_test(1));
        let outside = Source::new("src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert!(outside.test_items.is_empty());
    }

    #[test]
    fn an_allowance_needs_its_reason() {
        let text = "// tidy: allow sleep: polls\na();\n\nb(); // tidy: allow sleep:\n";
        let source = Source::new("a.rs", text);
        assert!(source.allows(2, "sleep"));
        assert!(!source.allows(2, "port"));
        assert!(!source.allows(4, "sleep"));
    }
}
