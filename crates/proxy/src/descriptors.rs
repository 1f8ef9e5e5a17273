//! File descriptors: the process takes as many as it may have, and no more clients than it has
//! descriptors for. Without this, a burst of clients would leave none for the endpoints.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Raises the process's own limit as far as it may go, and returns how many of the wanted
/// connections to clients fit into it.
pub(crate) fn make_room(connections: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = current != maximum
        && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let fitting = fitting(connections, if raised { maximum } else { current });
    if fitting < connections {
        tracing::info!(
            connections = fitting,
            "clients are taken up to this number, for the limit of open files"
        );
    }
    fitting
}

/// Each client may need an endpoint. No limit is room for all.
fn fitting(connections: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return connections };
    let pairs = descriptors.saturating_sub(limits::DESCRIPTORS_KEPT) / 2;
    connections.min(usize::try_from(pairs).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_endpoint_for_every_client() {
        for (wanted, descriptors, expected) in [
            (100_000, None, 100_000),
            (100_000, Some(1 << 20), 100_000),
            (100_000, Some(1024), 384),
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
