//! File descriptors: some container runtimes start a process with 1024, and let it have more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's own limit as far as it may go, and returns how many of the wanted
/// connections fit into it.
pub(super) fn make_room(connections: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = current != maximum
        && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let fitting = fitting(connections, if raised { maximum } else { current });
    if fitting < connections {
        tracing::warn!(proxies = fitting, "the limit of open files bounds how many proxies fit");
    }
    fitting
}

/// No limit is room for all.
fn fitting(connections: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return connections };
    let left = usize::try_from(descriptors.saturating_sub(KEPT)).unwrap_or(usize::MAX);
    connections.min(left).max(1)
}

/// For everything else: the API server, probes, the log.
const KEPT: u64 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_keeps_its_descriptors() {
        for (wanted, descriptors, expected) in [
            (8192, None, 8192),
            (8192, Some(1 << 20), 8192),
            (8192, Some(1024), 896),
            (100, Some(1024), 100),
            (100, Some(0), 1),
        ] {
            assert_eq!(fitting(wanted, descriptors), expected, "{wanted} of {descriptors:?}");
        }
    }

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        make_room(1);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
