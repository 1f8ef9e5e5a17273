//! The two heads of an exchange, lent by the worker for as long as it lasts, so that an idle
//! connection holds none and a busy one allocates none.

use std::cell::RefCell;

use router::Head;

use crate::limits;

/// Request and response head.
#[derive(Default)]
pub(crate) struct Heads {
    /// The request's, edited on its way.
    pub(crate) request: Head,
    /// The response's, or that of our own answer.
    pub(crate) response: Head,
}

/// Heads that go back to the worker when this is dropped.
pub(crate) struct Lent(Option<Box<Heads>>);

impl Lent {
    /// Takes clear heads.
    pub(crate) fn new() -> Self {
        Self(Some(SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()))
    }

    /// The heads.
    pub(crate) fn heads(&mut self) -> &mut Heads {
        self.0.get_or_insert_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut heads) = self.0.take() else { return };
        let large = |head: &mut Head| head.raw_mut().capacity() > limits::BUFFER_BYTES;
        if large(&mut heads.request) || large(&mut heads.response) {
            return;
        }
        heads.request.clear();
        heads.response.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < limits::SPARE_BUFFERS_MAX {
                spare.push(heads);
            }
        });
    }
}

thread_local! {
    #[allow(clippy::vec_box, reason = "heads are moved into tasks that wait, which shall be small")]
    static SPARE: RefCell<Vec<Box<Heads>>> = const { RefCell::new(Vec::new()) };
}
