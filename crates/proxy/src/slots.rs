//! A list by slot, in pieces that successive lists share: a change copies one piece, and what
//! differs between two lists is found without a look at what they share.

use std::sync::Arc;

/// Places that hold something or nothing.
pub(crate) struct Slots<T> {
    pieces: Vec<Arc<Piece<T>>>,
}

type Piece<T> = [Option<Arc<T>>; PIECE];

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self { pieces: self.pieces.clone() }
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// What a place holds.
    pub(crate) fn get(&self, at: usize) -> Option<&Arc<T>> {
        self.pieces.get(at / PIECE)?[at % PIECE].as_ref()
    }

    /// Puts something, or nothing, into a place.
    pub(crate) fn set(&mut self, at: usize, value: Option<Arc<T>>) {
        let piece = at / PIECE;
        if piece >= self.pieces.len() {
            if value.is_none() {
                return;
            }
            self.pieces.resize_with(piece + 1, || Arc::new(std::array::from_fn(|_| None)));
        }
        Arc::make_mut(&mut self.pieces[piece])[at % PIECE] = value;
    }

    /// One more than the last place that was ever asked for; never shrinks from list to list.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len() * PIECE
    }

    /// The places that hold something else than in `before`, with what they hold now.
    pub(crate) fn differences<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (usize, Option<&'a Arc<T>>)> {
        let pieces = 0..self.pieces.len().max(before.pieces.len());
        let same = |piece: &usize| match (self.pieces.get(*piece), before.pieces.get(*piece)) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (now, before) => now.is_none() && before.is_none(),
        };
        let places = pieces.filter(move |piece| !same(piece));
        let places = places.flat_map(|piece| piece * PIECE..(piece + 1) * PIECE);
        places.filter_map(|at| {
            let (now, before) = (self.get(at), before.get(at));
            (now.map(Arc::as_ptr) != before.map(Arc::as_ptr)).then_some((at, now))
        })
    }
}

/// A change copies so many places.
const PIECE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_places_and_the_difference_is_what_was_set() {
        let mut slots = Slots::default();
        (0..1000).for_each(|at| slots.set(at, Some(Arc::new(at))));
        let before = slots.clone();
        slots.set(7, Some(Arc::new(70)));
        slots.set(8, None);
        slots.set(900, before.get(900).cloned());
        slots.set(2000, Some(Arc::new(2000)));
        slots.set(5000, None);
        let now: Vec<_> =
            slots.differences(&before).map(|(at, is)| (at, is.map(|n| **n))).collect();
        assert_eq!(now, [(7, Some(70)), (8, None), (2000, Some(2000))]);
        let back: Vec<_> =
            before.differences(&slots).map(|(at, is)| (at, is.map(|n| **n))).collect();
        assert_eq!(back, [(7, Some(7)), (8, Some(8)), (2000, None)]);
        assert_eq!((before.get(7).map(|n| **n), before.get(2000)), (Some(7), None));
        assert!(slots.len() > 2000 && slots.len() < 3000, "nothing was put at 5000");
    }
}
