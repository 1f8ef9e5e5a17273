//! Shares of traffic, exact and evenly spread, from a plain counter.
//!
//! A cycle of `total` places is walked in steps of about its golden section. The step has no
//! factor in common with the total, so that any `total` successive counters hit every place once:
//! the shares are exact over every such window, and neighbours in the cycle are far apart in time.

/// A walk over all places of a cycle.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    total: u64,
    step: u64,
}

impl Cycle {
    /// `total` is at least 1.
    fn new(total: u64) -> Self {
        let golden = (total as f64 * 0.618_033_988_749_895) as u64;
        let step = (golden.max(1)..).find(|step| gcd(*step, total) == 1).unwrap_or(1);
        Self { total, step }
    }

    fn place(&self, cursor: u64) -> u64 {
        let place = u128::from(cursor % self.total) * u128::from(self.step);
        (place % u128::from(self.total)) as u64
    }
}

/// How a rule's traffic is divided among its backends.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    /// None: nobody has a weight.
    cycle: Option<Cycle>,
    /// Where each backend's places end.
    ends: Vec<u64>,
}

impl Split {
    pub(crate) fn new(weights: &[u32]) -> Self {
        let divisor = weights.iter().fold(0, |divisor, weight| gcd(divisor, u64::from(*weight)));
        let mut total = 0;
        let end = |weight: &u32| {
            total += u64::from(*weight) / divisor.max(1);
            total
        };
        let ends: Vec<u64> = weights.iter().map(end).collect();
        Self { cycle: (total > 0).then(|| Cycle::new(total)), ends }
    }

    /// The backend whose turn it is; none when no one has a weight.
    pub(crate) fn pick(&self, cursor: u64) -> Option<usize> {
        let place = self.cycle.as_ref()?.place(cursor);
        self.ends.iter().position(|end| place < *end)
    }

    /// How many of so many successive requests a backend gets.
    pub(crate) fn share(&self, at: usize) -> (u64, u64) {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).unwrap_or(&0);
        let end = self.ends.get(at).unwrap_or(start);
        (end - start, self.cycle.map_or(0, |cycle| cycle.total))
    }
}

/// A part of all requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    cycle: Cycle,
    taken: u64,
    /// Keeps several parts of one rule from always taking the same requests.
    offset: u64,
}

impl Part {
    /// The `nth` part of its rule.
    pub(crate) fn new(fraction: ir::Fraction, nth: usize) -> Self {
        let total = u64::from(fraction.denominator.max(1));
        Self {
            cycle: Cycle::new(total),
            taken: u64::from(fraction.numerator).min(total),
            offset: total / 3 * nth as u64,
        }
    }

    /// Whether the request whose turn it is belongs to the part.
    pub(crate) fn takes(&self, cursor: u64) -> bool {
        self.cycle.place(cursor.wrapping_add(self.offset)) < self.taken
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn shares_are_exact_over_every_window(
            weights in prop::collection::vec(0u32..20, 0..6),
            start in 0u64..u64::MAX / 2,
        ) {
            let split = Split::new(&weights);
            let window: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            let mut counts = vec![0; weights.len()];
            for cursor in start..start + window {
                counts[split.pick(cursor).unwrap()] += 1;
            }
            prop_assert_eq!(counts, weights);
            prop_assert_eq!(split.pick(start).is_none(), window == 0);
        }

        #[test]
        fn the_largest_weights_do_not_overflow(cursor in any::<u64>()) {
            let split = Split::new(&[u32::MAX, 0, u32::MAX - 1]);
            prop_assert_eq!(split.pick(cursor).is_some_and(|at| at != 1), true);
        }

        #[test]
        fn a_part_is_exact(numerator in 0u32..30, denominator in 1u32..30, nth in 0usize..3) {
            let part = Part::new(ir::Fraction { numerator, denominator }, nth);
            let taken = (100..100 + u64::from(denominator)).filter(|c| part.takes(*c)).count();
            prop_assert_eq!(taken as u32, numerator.min(denominator));
        }
    }

    #[test]
    fn a_small_share_does_not_come_in_a_burst() {
        let split = Split::new(&[90, 10]);
        let turns: Vec<u64> = (0..1000).filter(|cursor| split.pick(*cursor) == Some(1)).collect();
        assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == 10), "{turns:?}");
        assert_eq!(split.share(1), (1, 10));
    }

    #[test]
    fn two_equal_backends_alternate() {
        let split = Split::new(&[50, 50]);
        assert!((0..10).all(|cursor| split.pick(cursor) != split.pick(cursor + 1)));
    }
}
