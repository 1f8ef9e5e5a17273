//! Tasks of a worker, and places in orders.

use tokio::runtime::{Builder, LocalOptions};

use super::*;

fn on_a_worker<T>(test: impl AsyncFnOnce(Rc<Local>) -> T) -> T {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async { test(Local::new(0, Shared::of(Live::empty()))).await })
}

#[test]
fn a_task_that_panics_ends_alone_and_is_not_waited_for() {
    let finished = on_a_worker(async |local| {
        let finished = Rc::new(Cell::new(0));
        for number in 0..3 {
            let finished = finished.clone();
            local.spawn(async move {
                tokio::task::yield_now().await;
                assert_ne!(number, 1, "this one panics");
                finished.set(finished.get() + 1);
            });
        }
        assert_eq!(local.tasks.get(), 3);
        local.idle().await;
        finished.get()
    });
    assert_eq!(finished, 2);
}

#[test]
fn each_rule_has_a_place_of_its_own_that_moves_by_one() {
    let cursors = Cursors::default();
    let (a, b) = (Id::new("a"), Id::new("b"));
    let (first_a, first_b) = (cursors.next_share(&a), cursors.next_share(&b));
    assert_eq!(cursors.next_share(&a), first_a + 1);
    assert_eq!(cursors.next_share(&b), first_b + 1);
    assert_eq!(cursors.next_share(&a), first_a + 2);
}
