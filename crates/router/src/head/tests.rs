//! Edits and runs of a head.

use super::*;

fn head(lines: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    for (name, value) in lines {
        let start = head.raw().len();
        head.raw_mut().extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        let value_at = start + name.len() + 2;
        let line = head.raw().len() - start;
        head.push_raw(
            Span::raw(start, name.len()),
            Span::raw(value_at, value.len()),
            Span::raw(start, line),
        );
    }
    head
}

fn written(head: &Head) -> String {
    String::from_utf8(head.runs().flatten().copied().collect()).unwrap()
}

#[test]
fn an_unedited_head_is_one_run() {
    let head = head(&[("Host", "a"), ("X-A", "1"), ("X-B", "2")]);
    assert_eq!(head.runs().count(), 1);
    assert_eq!(written(&head), "Host: a\r\nX-A: 1\r\nX-B: 2\r\n");
}

#[test]
fn edits_keep_the_rest_in_place() {
    let mut head = head(&[("Host", "a"), ("X-A", "1"), ("X-B", "2"), ("x-a", "3")]);
    head.add(b"X-a", b"4");
    head.set(b"x-b", b"5");
    head.remove(b"HOST");
    assert_eq!(written(&head), "X-a: 1,3,4\r\nx-b: 5\r\n");
    assert_eq!(head.values(b"x-A").collect::<Vec<_>>(), [b"1,3,4"]);
}

#[test]
fn a_cleared_head_has_no_trace_of_the_last_message() {
    let mut head = head(&[("Host", "a")]);
    head.status = 200;
    head.append(b"x", b"y");
    head.clear();
    assert_eq!((head.fields().count(), head.status, head.raw().len()), (0, 0, 0));
}
