//! What is wrong with a manifest: where, in which object, why, and what to do. A mistake of a user
//! is a value, never an error that stops anything else.

use std::fmt;
use std::sync::Arc;

use crate::path::FieldPath;

/// Something to tell the author of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub source: Source,
    /// The object it is about, as far as it could be read.
    pub object: Option<ObjectRef>,
    /// The field it is about; empty for the object as a whole.
    pub field: FieldPath,
    /// A word for machines: why.
    pub reason: Reason,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object is used, but not as its author may think.
    Warning,
    /// The object is not used.
    Error,
}

impl Severity {
    /// The severity as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something is refused. Where the API server of Kubernetes has a word, it is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The file cannot be read.
    Unreadable,
    /// The text is not YAML.
    Syntax,
    /// The file, the document or the object is beyond a bound.
    TooLarge,
    /// The kind does not exist.
    UnknownKind,
    /// The version of the kind is not served.
    UnknownVersion,
    /// The field does not exist.
    UnknownField,
    /// The key stands there twice.
    DuplicateKey,
    /// The value is of another type, such as a number for a string.
    TypeInvalid,
    /// The field must be there.
    Required,
    /// The value breaks a rule.
    Invalid,
    /// The value is none of those allowed.
    NotSupported,
    /// The text is too long.
    TooLong,
    /// The list has too many items.
    TooMany,
    /// The item stands there twice.
    Duplicate,
}

impl Reason {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "Unreadable",
            Self::Syntax => "Syntax",
            Self::TooLarge => "TooLarge",
            Self::UnknownKind => "UnknownKind",
            Self::UnknownVersion => "UnknownVersion",
            Self::UnknownField => "UnknownField",
            Self::DuplicateKey => "DuplicateKey",
            Self::TypeInvalid => "TypeInvalid",
            Self::Required => "Required",
            Self::Invalid => "Invalid",
            Self::NotSupported => "NotSupported",
            Self::TooLong => "TooLong",
            Self::TooMany => "TooMany",
            Self::Duplicate => "Duplicate",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a manifest file. Lines and columns count from one; zero is the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The file, as the caller named it.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// Names an object of any kind, also one that could not be read in full. Missing parts are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.kind.is_empty() { "object" } else { &self.kind })?;
        match (self.namespace.as_str(), self.name.as_str()) {
            (_, "") => Ok(()),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `routes.yaml:12:7: HTTPRoute shop/cart: spec.rules[0].matchs: unknown field`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
