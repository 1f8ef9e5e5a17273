//! `conformance`: the upstream Gateway API suite, unmodified, against Portcullis in a real cluster.
//!
//! It brings up the cluster, installs Portcullis as a user would, runs the suite with the features
//! that the GatewayClass itself reports, and says what passed. Nothing is skipped, no time-out is
//! changed, no permission is added. What a test asks for is the suite's business.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;
use crate::cluster::{Cluster, tools};

pub(crate) mod install;
mod listing;
mod outcome;
mod suite;
mod table;

use listing::Listing;

/// Runs `cargo xtask conformance`.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let root = cargo::root()?;
    let options = Options::parse(&root, args)?;
    let folder = root.join("target/conformance");
    fs::create_dir_all(&folder)?;
    let steps = Steps { started: Instant::now() };

    let cluster = Cluster::open(&root)?;
    let was_up = cluster.is_up();
    cluster.up()?;
    steps.done("cluster up");
    let tools = tools::suite(&root)?;
    let listing = Listing::parse(&fs::read_to_string(&tools.listing)?)?;
    steps.done("suite built");
    let profile = listing.profile(&options.profile)?;
    let unknown: Vec<_> = options.tests.iter().filter(|t| !listing.has(t)).collect();
    ensure!(unknown.is_empty(), "the suite has no test named {unknown:?}");
    suite::clear(&cluster)?;
    install::install(&root, &cluster, &options.build)?;
    steps.done("portcullis installed");
    let claimed = install::claimed_features(&cluster)?;
    let outcome = suite::run(&cluster, &tools.program, &options, &folder)?;
    steps.done("suite over");
    install::save_logs(&cluster, &folder.join("portcullis.log"))?;

    print!("{}", outcome.failures());
    let (table, in_order) = table::judge(&listing, profile, &claimed, &outcome, &options.tests);
    print!("{table}");
    println!("\nreport: {}", options.report.display());
    println!("logs:   {}", folder.display());
    if !options.keep {
        suite::clear(&cluster)?;
        install::remove(&root, &cluster)?;
        if !was_up {
            cluster.down()?;
        }
    }
    Ok(in_order)
}

/// What was asked for.
struct Options {
    profile: String,
    /// All tests when empty.
    tests: BTreeSet<String>,
    report: PathBuf,
    /// The cargo profile of the image.
    build: String,
    /// Leave Portcullis installed and the cluster up.
    keep: bool,
}

impl Options {
    fn parse(root: &Path, args: &[&str]) -> Result<Self> {
        let mut options = Self {
            profile: "GATEWAY-HTTP".to_owned(),
            tests: BTreeSet::new(),
            report: root.join("target/conformance/report.yaml"),
            build: "release".to_owned(),
            keep: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if *arg == "--keep" {
                options.keep = true;
                continue;
            }
            let value = || args.clone().next().with_context(|| format!("{arg} needs a value"));
            match *arg {
                "--profile" => options.profile = (*value()?).to_owned(),
                "--run" => options.tests = value()?.split(',').map(str::to_owned).collect(),
                "--report" => options.report = std::path::absolute(value()?)?,
                "--build" => options.build = (*value()?).to_owned(),
                unknown => bail!("`{unknown}` is no option of conformance; see `cargo xtask help`"),
            }
            args.next();
        }
        Ok(options)
    }
}

/// Tells how long each part took.
struct Steps {
    started: Instant,
}

impl Steps {
    fn done(&self, what: &str) {
        println!("conformance: {what} after {:.0} s", self.started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order_and_the_unknown_is_named() {
        let parse = |args: &[&str]| Options::parse(Path::new("/r"), args);
        let options = parse(&["--keep", "--run", "A,B", "--build", "dev"]).unwrap();
        assert!(options.keep && options.tests.len() == 2 && options.build == "dev");
        assert_eq!(options.profile, "GATEWAY-HTTP");
        assert_eq!(options.report, Path::new("/r/target/conformance/report.yaml"));
        for (args, expected) in [(&["--skip", "A"][..], "`--skip`"), (&["--run"], "needs a value")]
        {
            let error = parse(args).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
