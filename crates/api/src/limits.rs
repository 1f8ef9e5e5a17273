//! How much of what a manifest may hold. The bounds exist so that no file can exhaust memory.

/// Bytes of one manifest file.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Bytes of one document: what an API server takes in one request.
pub const OBJECT_BYTES_MAX: usize = 3 << 20;
/// Nested lists and objects in one document, for block and flow style each; the deepest field of
/// any schema lies at about 20, and a `kind: List` adds two.
pub const DEPTH_MAX: usize = 64;
/// Values in one document, aliases counted as often as they are used.
pub const VALUES_MAX: usize = 1 << 20;
/// Findings reported for one object; further ones say nothing new.
pub const FINDINGS_MAX: usize = 32;
/// Bytes of the data of a Secret or a ConfigMap, as in Kubernetes.
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// Bytes of all annotations of an object, as in Kubernetes.
pub const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;
