//! Which endpoint of a backend a try goes to: each in turn, and no one twice before all others.

use ir::Endpoint;

/// The endpoints that a request has tried. Allocates nothing before the first failure.
#[derive(Debug, Default)]
pub(crate) struct Tried(Vec<Endpoint>);

impl Tried {
    /// Notes a failed try.
    pub(crate) fn note(&mut self, endpoint: Endpoint) {
        if !self.0.contains(&endpoint) {
            self.0.push(endpoint);
        }
    }
}

/// The endpoint for the next try, none where there is none at all. `cursor` is a counter of the
/// worker's. Endpoints that failed are passed over as long as there are others.
pub(crate) fn pick(endpoints: &[Endpoint], cursor: usize, tried: &Tried) -> Option<Endpoint> {
    let first = cursor.checked_rem(endpoints.len())?;
    let (before, from) = endpoints.split_at(first);
    let in_turn = || from.iter().chain(before).copied();
    in_turn().find(|endpoint| !tried.0.contains(endpoint)).or_else(|| in_turn().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(ports: impl IntoIterator<Item = u16>) -> Vec<Endpoint> {
        let address = [127, 0, 0, 1].into();
        ports.into_iter().map(|port| Endpoint { address, port }).collect()
    }

    fn ports(list: &[Endpoint], cursors: &[usize], tried: &Tried) -> Vec<Option<u16>> {
        cursors.iter().map(|at| pick(list, *at, tried).map(|found| found.port)).collect()
    }

    #[test]
    fn endpoints_take_turns() {
        let list = endpoints(1..=3);
        let found = ports(&list, &[0, 1, 2, 3, usize::MAX], &Tried::default());
        assert_eq!(found, [Some(1), Some(2), Some(3), Some(1), Some(1)]);
        assert_eq!(ports(&[], &[0, 1], &Tried::default()), [None, None]);
    }

    #[test]
    fn a_failed_endpoint_is_passed_over_until_all_have_failed() {
        let list = endpoints(1..=3);
        let mut tried = Tried::default();
        tried.note(list[1]);
        assert_eq!(ports(&list, &[0, 1, 2], &tried), [Some(1), Some(3), Some(3)]);
        tried.note(list[2]);
        tried.note(list[0]);
        assert_eq!(ports(&list, &[0, 1, 2], &tried), [Some(1), Some(2), Some(3)]);
    }
}
