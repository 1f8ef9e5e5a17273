//! How connections learn that they shall end: the bind they came in by is removed, or the proxy
//! drains. Who decides that is `worker/doors.rs` and `drain.rs`; how it is said, the protocols.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    task::Waker,
};

/// How far the end of a bind's connections has come, on one worker. Stages only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Serve on.
    #[default]
    Open,
    /// Say so on the next occasion: `connection: close` on the next response, GOAWAY now.
    Announce,
    /// And a connection without a request in flight closes now.
    Close,
    /// And what still runs is cut. `accept.rs` does that; no protocol has to.
    Cut,
}

/// The stage of the connections that one bind got on one worker.
///
/// A change wakes the task of every connection that [`join`](Self::join)ed, so it is enough to
/// look at [`stage`](Self::stage) in each poll; that costs one read.
#[derive(Default)]
pub(crate) struct Closing {
    stage: Cell<Stage>,
    next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Waker>>,
}

impl Closing {
    /// How far it has come.
    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Goes on to a stage and wakes every connection.
    pub(crate) fn advance(&self, stage: Stage) {
        if stage > self.stage.get() {
            self.stage.set(stage);
            self.tasks.borrow().values().for_each(Waker::wake_by_ref);
        }
    }

    /// Wakes this task at every change until the seat is dropped.
    pub(crate) fn join(self: &Rc<Self>, task: Waker) -> Seat {
        let number = self.next.get();
        self.next.set(number + 1);
        self.tasks.borrow_mut().insert(number, task);
        Seat { closing: self.clone(), number }
    }
}

/// One connection's place among those that are woken.
pub(crate) struct Seat {
    closing: Rc<Closing>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.closing.tasks.borrow_mut().remove(&self.number);
    }
}

impl Seat {
    /// See [`Closing::stage`].
    pub(crate) fn stage(&self) -> Stage {
        self.closing.stage()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_stage_wakes_those_that_sit_and_none_goes_back() {
        let (closing, woken) = (Rc::new(Closing::default()), Arc::new(Woken::default()));
        let stays = closing.join(Waker::from(woken.clone()));
        let leaves = closing.join(Waker::from(woken.clone()));
        closing.advance(Stage::Open);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0, "nothing has changed");
        closing.advance(Stage::Announce);
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        drop(leaves);
        closing.advance(Stage::Close);
        assert_eq!(woken.0.load(Ordering::SeqCst), 3);
        closing.advance(Stage::Announce);
        assert_eq!((woken.0.load(Ordering::SeqCst), stays.stage()), (3, Stage::Close));
    }
}
