//! How the workers share connections out: who has how many, and who takes the next.
//!
//! The kernel chooses a worker's socket by a hash of addresses and ports. Of many connections each
//! worker gets its part; of a few one may get all, and the others have nothing to do. So a worker
//! that has its share hands the next connection over before it reads a byte of it.
//!
//! What is counted here is shared by all workers, and touched where a connection comes, is handed
//! over or ends; never for a request. Sockets are `worker/doors.rs`.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ir::{Bind, Id};
use tokio::sync::mpsc;

use crate::{bind::Address, limits};

/// All workers of a proxy.
pub(crate) struct Roster {
    connections_max: usize,
    /// Downstream connections of the whole proxy.
    open: Count,
    workers: Box<[Entry]>,
}

struct Entry {
    open: Count,
    inbox: mpsc::Sender<Newcomer>,
}

/// On cache lines of its own, also where two are fetched together.
#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicUsize);

/// A connection that one worker accepted and another shall serve.
pub(crate) struct Newcomer {
    /// No runtime watches it.
    pub(crate) stream: TcpStream,
    /// The peer of the socket.
    pub(crate) remote: SocketAddr,
    /// Where it came in.
    pub(crate) address: Address,
    /// For whom, as the worker that accepted it knew.
    pub(crate) bind: Id<Bind>,
    /// Counts for the worker that shall serve it.
    pub(crate) admission: Admission,
}

impl Roster {
    /// For so many workers, and what each of them receives.
    pub(crate) fn new(
        workers: usize,
        connections_max: usize,
    ) -> (Arc<Self>, Vec<mpsc::Receiver<Newcomer>>) {
        let (workers, inboxes): (Vec<_>, _) = (0..workers)
            .map(|_| mpsc::channel(limits::NEWCOMERS_MAX))
            .map(|(inbox, received)| (Entry { open: Count::default(), inbox }, received))
            .unzip();
        let workers = workers.into_boxed_slice();
        (Arc::new(Self { connections_max, open: Count::default(), workers }), inboxes)
    }

    /// Counts a connection that a worker accepted, if the proxy has room for it.
    pub(crate) fn admit(self: &Arc<Self>, worker: usize) -> Option<Admission> {
        let before = self.open.0.fetch_add(1, Ordering::Relaxed);
        self.workers[worker].open.0.fetch_add(1, Ordering::Relaxed);
        let admission = Admission { roster: self.clone(), worker };
        (before < self.connections_max).then_some(admission)
    }

    /// Who should serve a connection in place of the worker that it was admitted to. None: nobody
    /// has fewer by enough, or who has takes none, because it ends or has many waiting already.
    pub(crate) fn relief(&self, admission: &Admission) -> Option<Relief<'_>> {
        // Without the new one.
        let open = self.open.get().saturating_sub(1);
        let own = admission.worker;
        let mine = self.workers[own].open.get().saturating_sub(1);
        let others = |worker: usize| self.workers[worker].open.get();
        let worker = place((own, mine), open, self.workers.len(), others)?;
        let place = self.workers[worker].inbox.try_reserve().ok()?;
        Some(Relief { worker, place })
    }

    /// Downstream connections of the whole proxy.
    #[cfg(test)]
    pub(crate) fn open(&self) -> usize {
        self.open.get()
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A place among the newcomers of a worker.
pub(crate) struct Relief<'r> {
    worker: usize,
    place: mpsc::Permit<'r, Newcomer>,
}

impl Relief<'_> {
    /// Hands a connection over. It counts for its new worker from now on, so that the next one
    /// does not follow it for want of news.
    pub(crate) fn take(self, mut newcomer: Newcomer) {
        newcomer.admission.pass_to(self.worker);
        self.place.send(newcomer);
    }
}

/// One of the connections that the whole proxy may have, and of those that a worker has. Given back
/// when this is dropped, wherever that is.
pub(crate) struct Admission {
    roster: Arc<Roster>,
    worker: usize,
}

impl Admission {
    fn pass_to(&mut self, worker: usize) {
        self.roster.workers[worker].open.0.fetch_add(1, Ordering::Relaxed);
        self.roster.workers[self.worker].open.0.fetch_sub(1, Ordering::Relaxed);
        self.worker = worker;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.roster.workers[self.worker].open.0.fetch_sub(1, Ordering::Relaxed);
        self.roster.open.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who serves the next connection in place of the worker `own`, which has `mine` of `open`; none is
/// this worker itself.
///
/// It keeps the connection as long as it has no more than its share and an eighth: then nobody has
/// more than that and one, and the others' counts are not looked at. Of those with the fewest the
/// next in turn is chosen, so that several that give at the same time do not choose the same.
fn place(
    (own, mine): (usize, usize),
    open: usize,
    workers: usize,
    count: impl Fn(usize) -> usize,
) -> Option<usize> {
    let share = open / workers;
    if mine <= share + share / 8 {
        return None;
    }
    let others = (1..workers).map(|step| (own + step) % workers);
    let (fewest, worker) = others.map(|worker| (count(worker), worker)).min_by_key(|(n, _)| *n)?;
    (fewest < mine).then_some(worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_to_whoever_has_the_fewest_once_the_share_is_full() {
        let table: &[(usize, &[usize], Option<usize>)] = &[
            // One worker has nobody to give to.
            (0, &[0], None),
            (0, &[9], None),
            // Nobody has anything: it stays.
            (0, &[0, 0], None),
            (1, &[0, 0], None),
            // From the first on.
            (0, &[1, 0], Some(1)),
            (1, &[1, 0], None),
            (1, &[1, 1], None),
            (1, &[1, 2], Some(0)),
            (0, &[3, 2, 2, 2], Some(1)),
            (0, &[2, 2, 2, 1], Some(3)),
            (1, &[2, 2, 0, 1], Some(2)),
            // The next in turn of those that are equal.
            (2, &[0, 0, 4, 0], Some(3)),
            (3, &[0, 0, 0, 4], Some(0)),
            // No more than its share, though another has none.
            (0, &[1, 2, 0], None),
            // An eighth more is no reason to go to another worker.
            (0, &[8, 7], Some(1)),
            (0, &[9, 8], None),
            (0, &[11, 8], Some(1)),
            (0, &[71, 57], None),
            (0, &[75, 57], Some(1)),
        ];
        for (own, counts, expected) in table {
            let open = counts.iter().sum();
            let found = place((*own, counts[*own]), open, counts.len(), |worker| counts[worker]);
            assert_eq!(found, *expected, "{own} of {counts:?}");
        }
    }

    #[test]
    fn counts_that_are_read_while_they_change_give_nothing_to_the_fuller() {
        assert_eq!(place((0, 3), 0, 2, |_| 3), None, "the sum is behind");
        assert_eq!(place((0, 3), 0, 2, |_| 7), None);
        assert_eq!(place((0, 3), 100, 2, |_| 0), None, "the sum is ahead");
    }

    #[test]
    fn a_connection_counts_once_and_is_given_back_where_it_is() {
        let counts = |roster: &Roster| {
            let each: Vec<_> = roster.workers.iter().map(|entry| entry.open.get()).collect();
            (roster.open(), each)
        };
        let (roster, inboxes) = Roster::new(2, 2);
        let mut one = roster.admit(0).unwrap();
        let two = roster.admit(0).unwrap();
        assert!(roster.admit(1).is_none());
        assert_eq!(counts(&roster), (2, vec![2, 0]));
        assert_eq!(roster.relief(&two).unwrap().worker, 1);
        one.pass_to(1);
        assert_eq!(counts(&roster), (2, vec![1, 1]));
        assert!(roster.relief(&two).is_none());
        drop(one);
        assert_eq!(counts(&roster), (1, vec![1, 0]));
        drop(two);
        let again = [roster.admit(0).unwrap(), roster.admit(0).unwrap()];
        drop(inboxes);
        assert!(roster.relief(&again[1]).is_none(), "nobody is there any more");
    }
}
