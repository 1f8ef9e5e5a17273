//! What the rules let pass, each with its reason.
//!
//! An exception that nothing needs is itself a finding, so this list only shrinks or is argued for.

/// Packages built in more than one version.
pub(super) const DUPLICATES: &[(&str, &str)] = &[];
