//! What the rules let pass, each with its reason.
//!
//! An exception that nothing needs is itself a finding, so this list only shrinks or is argued for.

/// Packages built in more than one version.
pub(super) const DUPLICATES: &[(&str, &str)] = &[
    ("base64", "tonic 0.14 and k8s-openapi 0.29 ask for 0.22; kube 5 and we for 0.23"),
    ("getrandom", "ahash 0.8 of kube-runtime 5 asks for 0.3; rand 0.10 of hickory for 0.4"),
    ("hashbrown", "kube-runtime 5 asks for 0.16; indexmap 2 for 0.17"),
    ("syn", "macros of prost, pin-project and tracing ask for 2; those of serde and clap for 3"),
];
