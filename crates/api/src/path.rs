//! Paths to fields of an object, as messages name them: `spec.rules[0].matches[1].path.value`.
//!
//! While an object is walked, its path lives on the stack and costs nothing; [`FieldPath`] is the
//! copy that a finding keeps.

use std::fmt;

/// A path on the stack, from its last segment up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    /// The object itself.
    Root,
    /// A member of an object, or an entry of a map.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list.
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    pub(crate) fn to_field(self) -> FieldPath {
        let mut segments = Vec::new();
        let mut path = &self;
        loop {
            match path {
                Self::Root => break,
                Self::Key(parent, key) => {
                    segments.push(Segment::Key((*key).to_string()));
                    path = parent;
                }
                Self::Index(parent, index) => {
                    segments.push(Segment::Index(*index));
                    path = parent;
                }
            }
        }
        segments.reverse();
        FieldPath(segments)
    }
}

/// A path to a field of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(pub(crate) Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl FieldPath {
    /// Whether the path leads through this member of the object.
    pub(crate) fn starts_with(&self, member: &str) -> bool {
        matches!(self.0.first(), Some(Segment::Key(key)) if key == member)
    }

    /// Whether the path leads through this member of something.
    pub(crate) fn leads_through(&self, member: &str) -> bool {
        self.0.iter().any(|segment| matches!(segment, Segment::Key(key) if key == member))
    }

    /// Whether the path ends at this member of something.
    pub(crate) fn ends_with(&self, member: &str) -> bool {
        matches!(self.0.last(), Some(Segment::Key(key)) if key == member)
    }

    /// Whether the path names the object itself.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                // Keys of labels and the like hold dots and slashes.
                Segment::Key(key) if !is_word(key) => write!(f, "[{key}]")?,
                Segment::Key(key) if place == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_kubernetes() {
        let (root, spec) = (Path::Root, Path::Root.key("spec").to_field());
        assert_eq!(spec.to_string(), "spec");
        let (metadata, rules) = (root.key("metadata"), root.key("rules"));
        let labels = metadata.key("labels");
        let label = labels.key("example.com/app").to_field();
        assert_eq!(label.to_string(), "metadata.labels[example.com/app]");
        let rule = rules.index(3);
        assert_eq!(rule.key("name").to_field().to_string(), "rules[3].name");
        assert!(root.to_field().is_empty());
    }
}
