//! Comparing header fields of a head with what is expected of them.

use router::Head;

use crate::requests::{Headers, Lists};

/// What is expected.
pub(crate) struct Fields<'e> {
    pub(crate) what: &'static str,
    pub(crate) headers: &'e Headers,
    pub(crate) lists: Option<&'e Lists>,
    pub(crate) any_of: Option<&'e Lists>,
    pub(crate) absent: &'e [String],
}

impl Fields<'_> {
    /// What differs.
    pub(crate) fn compare(&self, head: &Head) -> Vec<String> {
        let what = self.what;
        let mut problems = Vec::new();
        for (name, expected) in self.headers {
            let found = values(head, name);
            if found != expected.each() {
                let expected = expected.each();
                problems.push(format!("{what} {name}: expected {expected:?}, got {found:?}"));
            }
        }
        for (name, expected) in self.lists.into_iter().flatten() {
            let found = values(head, name);
            if list(&found.join(",")) != list(&expected.join(",")) {
                problems.push(format!("{what} {name}: expected {expected:?}, got {found:?}"));
            }
        }
        for (name, expected) in self.any_of.into_iter().flatten() {
            let found = values(head, name);
            let same = |one: &String| list(one) == list(&found.join(","));
            if found.is_empty() || !expected.iter().any(same) {
                problems.push(format!("{what} {name}: none of {expected:?}, got {found:?}"));
            }
        }
        for name in self.absent {
            let found = values(head, name);
            if !found.is_empty() {
                problems.push(format!("{what} {name}: expected none, got {found:?}"));
            }
        }
        problems
    }
}

fn values(head: &Head, name: &str) -> Vec<String> {
    head.values(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// A comma-separated value without order, white space and case.
fn list(value: &str) -> Vec<String> {
    let mut list: Vec<_> = value.split(',').map(|item| item.trim().to_ascii_lowercase()).collect();
    list.sort();
    list
}
