//! What the suite could run: its profiles and tests, as the suite's own packages list them.
//!
//! Printed once, when the suite is built, by `conformance/suite/listing`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Everything that the suite knows of.
#[derive(Deserialize)]
pub(super) struct Listing {
    profiles: Vec<Profile>,
    tests: Vec<Test>,
}

/// A set of features that one kind of implementation is judged by.
#[derive(Deserialize)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) core: BTreeSet<String>,
    pub(super) extended: BTreeSet<String>,
}

/// One test, and the features that have to be claimed for it to run.
#[derive(Deserialize)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) features: BTreeSet<String>,
}

impl Listing {
    pub(super) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("the suite's listing cannot be read")
    }

    pub(super) fn profile(&self, name: &str) -> Result<&Profile> {
        let known = || self.profiles.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = self.profiles.iter().find(|profile| profile.name == name);
        found.with_context(|| format!("`{name}` is no profile of the suite; it has {}", known()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tests.iter().any(|test| test.name == name)
    }

    /// The tests that need nothing but core features of the profile.
    pub(super) fn core<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = &'a Test> {
        self.tests.iter().filter(|test| test.features.is_subset(&profile.core))
    }

    /// The tests of one extended feature, as far as they belong to the profile.
    pub(super) fn extended<'a>(
        &'a self,
        profile: &'a Profile,
        feature: &'a str,
    ) -> impl Iterator<Item = &'a Test> {
        let belongs = |test: &&Test| {
            let known = |f: &String| profile.core.contains(f) || profile.extended.contains(f);
            test.features.iter().all(known)
        };
        self.tests.iter().filter(move |t| t.features.contains(feature)).filter(belongs)
    }
}
