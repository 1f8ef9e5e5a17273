//! The streams of one connection: what is known of each, and of those that are over.

use std::{
    collections::VecDeque,
    task::{Context, Waker},
};

use router::Head;

use crate::{buffer::Buffer, http::StreamError, limits};

/// One stream.
pub(super) struct Stream {
    /// Its number; 0 as long as it has none.
    pub(super) id: u32,
    /// What may be sent.
    pub(super) send_window: i64,
    /// What the peer may send, and what of it is to be given back.
    pub(super) recv_window: i64,
    /// See there.
    pub(super) owed: u32,
    /// Bytes of its body that its task has not taken.
    pub(super) incoming: Buffer,
    /// Heads of responses that its task has not taken, and whether nothing follows each.
    pub(super) heads: VecDeque<(Box<Head>, bool)>,
    /// Interim ones among all that came.
    pub(super) interim: usize,
    /// Trailers that its task has not taken.
    pub(super) trailers: Option<Box<Head>>,
    /// Whether the head of its message came, and not only an interim one.
    pub(super) has_head: bool,
    /// What its message's body still lacks, where its head says how long that is.
    pub(super) length_left: Option<u64>,
    /// The response has no body whatever its fields say.
    pub(super) bodiless: bool,
    /// The peer sends no more.
    pub(super) ended_in: bool,
    /// We send no more.
    pub(super) ended_out: bool,
    /// Why it ended before that.
    pub(super) fault: Option<StreamError>,
    /// It was us who ended it, and the peer may not know yet.
    pub(super) ended_by_us: bool,
    /// Where its last frame begins among all bytes ever sent, if its end can be told in it.
    pub(super) last_frame: Option<u64>,
    /// Whether it may send before others that wait.
    pub(super) turn: Turn,
    task: Option<Waker>,
}

/// A stream's place among those that wait for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// It does not wait.
    #[default]
    None,
    /// It waits.
    Waits,
    /// It is the next.
    Next,
}

impl Stream {
    /// Whether nothing can come or go any more.
    pub(super) fn is_over(&self) -> bool {
        self.fault.is_some() || self.ended_in && self.ended_out
    }

    /// Remembers whom to wake: all that a stream waits for, one task waits for.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            self.task = Some(cx.waker().clone());
        }
    }

    /// Something has changed.
    pub(super) fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// It is over, unless it was before.
    pub(super) fn fail(&mut self, error: StreamError) {
        if !self.is_over() {
            self.fault = Some(error);
            self.wake();
        }
    }

    /// It may send before others that wait.
    pub(super) fn give_turn(&mut self) {
        self.turn = Turn::Next;
        self.wake();
    }
}

/// Where a stream is kept, as long as its task lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    at: usize,
    /// Places are used again; this is not.
    serial: u64,
}

/// All streams of a connection whose tasks have not ended.
pub(super) struct Streams {
    slots: Vec<Slot>,
    free: Vec<usize>,
    serial: u64,
    /// What the peer may send on a new one.
    window: u32,
    /// Numbers of streams that are over and whose tasks have ended, in no order.
    over: Vec<Over>,
    over_next: usize,
}

#[derive(Default)]
struct Slot {
    serial: u64,
    stream: Option<Stream>,
}

#[derive(Clone, Copy)]
struct Over {
    id: u32,
    /// We ended it, and the peer may not know yet.
    by_us: bool,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Its task has not ended.
    Here(Key),
    /// It is over. Whether the peer may not know yet.
    Over(bool),
    /// It was never opened, or it was long ago.
    None,
}

impl Streams {
    /// None yet. The peer may send `window` bytes on each.
    pub(super) fn new(window: u32) -> Self {
        let (slots, free, over) = (Vec::new(), Vec::new(), Vec::new());
        Self { slots, free, serial: 0, window, over, over_next: 0 }
    }

    /// Opens one on which `send_window` bytes may be sent.
    pub(super) fn open(&mut self, id: u32, send_window: i64) -> Key {
        let stream = Stream {
            id,
            send_window,
            recv_window: i64::from(self.window),
            owed: 0,
            incoming: Buffer::default(),
            heads: VecDeque::new(),
            interim: 0,
            trailers: None,
            has_head: false,
            length_left: None,
            bodiless: false,
            ended_in: false,
            ended_out: false,
            fault: None,
            ended_by_us: false,
            last_frame: None,
            turn: Turn::None,
            task: None,
        };
        self.serial += 1;
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let serial = self.serial;
        self.slots[at] = Slot { serial, stream: Some(stream) };
        Key { at, serial }
    }

    /// One whose task has not ended.
    pub(super) fn get(&mut self, key: Key) -> Option<&mut Stream> {
        let slot = self.slots.get_mut(key.at).filter(|slot| slot.serial == key.serial)?;
        slot.stream.as_mut()
    }

    /// What is known of a number.
    pub(super) fn find(&self, id: u32) -> Found {
        let is_it = |slot: &Slot| slot.stream.as_ref().is_some_and(|stream| stream.id == id);
        if let Some(at) = self.slots.iter().position(is_it) {
            return Found::Here(Key { at, serial: self.slots[at].serial });
        }
        match self.over.iter().find(|over| over.id == id) {
            Some(over) => Found::Over(over.by_us),
            None => Found::None,
        }
    }

    /// Takes one away whose task ends.
    pub(super) fn take(&mut self, key: Key) -> Option<Stream> {
        let slot = self.slots.get_mut(key.at).filter(|slot| slot.serial == key.serial)?;
        let stream = slot.stream.take()?;
        self.free.push(key.at);
        if self.is_empty() && self.slots.len() > SLOTS_KEPT {
            (self.slots, self.free) = (Vec::new(), Vec::new());
        }
        Some(stream)
    }

    /// Remembers that one is over.
    pub(super) fn forget(&mut self, id: u32, by_us: bool) {
        let over = Over { id, by_us };
        if self.over.len() < limits::H2_OVER_MAX {
            self.over.push(over);
        } else {
            self.over[self.over_next] = over;
            self.over_next = (self.over_next + 1) % limits::H2_OVER_MAX;
        }
    }

    /// What the peer may send on a new one.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are on which something can come or go.
    pub(super) fn open_count(&self) -> usize {
        let streams = self.slots.iter().filter_map(|slot| slot.stream.as_ref());
        streams.filter(|stream| !stream.is_over()).count()
    }

    /// Does something to each.
    pub(super) fn each(&mut self, f: impl FnMut(&mut Stream)) {
        self.slots.iter_mut().filter_map(|slot| slot.stream.as_mut()).for_each(f);
    }
}

/// Places that a connection without streams keeps for the next ones.
const SLOTS_KEPT: usize = 4;
