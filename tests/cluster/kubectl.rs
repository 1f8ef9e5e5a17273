//! kubectl as an operator uses it, and waiting for what it shows.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Runs a command and gives what it printed.
///
/// # Panics
/// It fails.
pub(crate) async fn run(args: &[&str]) -> String {
    tried(args).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a command that may fail.
pub(crate) async fn tried(args: &[&str]) -> Result<String, String> {
    finish(Command::new("kubectl").args(args).stdin(Stdio::null()), args, "").await
}

/// Applies manifests.
pub(crate) async fn apply(manifests: &str) {
    let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let mut command = Command::new("kubectl");
    let done = finish(command.args(args).stdin(Stdio::piped()), &args, manifests).await;
    done.unwrap_or_else(|error| panic!("{error}\n{manifests}"));
}

/// One object, or a list of them.
pub(crate) async fn get(args: &[&str]) -> Option<Value> {
    let mut all = vec!["get", "--ignore-not-found", "-o", "json"];
    all.extend(args);
    let text = tried(&all).await.ok()?;
    serde_json::from_str(&text).ok()
}

/// Looks until there is something to see.
///
/// # Panics
/// There is nothing within the patience.
pub(crate) async fn until<T>(
    what: &str,
    patience: Duration,
    look: impl AsyncFnMut() -> Option<T>,
) -> T {
    looking(what, patience, PAUSE, look).await
}

/// The same for what comes within milliseconds.
pub(crate) async fn until_soon<T>(
    what: &str,
    patience: Duration,
    look: impl AsyncFnMut() -> Option<T>,
) -> T {
    looking(what, patience, SHORT_PAUSE, look).await
}

async fn looking<T>(
    what: &str,
    patience: Duration,
    pause: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain: {what}");
        // tidy: allow sleep: the pause between two looks at a condition with a deadline
        tokio::time::sleep(pause).await;
    }
}

async fn finish(command: &mut Command, args: &[&str], input: &str) -> Result<String, String> {
    let name = || format!("kubectl {}", args.join(" "));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{}: {error}", name()))?;
    if let Some(mut stdin) = child.stdin.take() {
        let written = stdin.write_all(input.as_bytes()).await;
        written.map_err(|error| format!("{}: {error}", name()))?;
    }
    let output = child.wait_with_output().await.map_err(|error| format!("{}: {error}", name()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{}: {}", name(), text(&output.stderr))),
    }
}

/// For anything that a cluster does in seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);
const SHORT_PAUSE: Duration = Duration::from_millis(2);
