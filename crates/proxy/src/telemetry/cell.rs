//! Numbers that one worker writes and anyone may read.
//!
//! A cell has a single writer, so an addition is a plain load and store: no locked instruction, no
//! cache line that two workers fight for. Readers may see a value that is a moment old. The types
//! do not enforce the single writer; [`super::Sink`] does, because it cannot leave its thread.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A number with one writer.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    /// Adds; wraps where a counter of Prometheus would.
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    /// Adds one.
    pub(crate) fn up(&self) {
        self.add(1);
    }

    /// Takes one away: the cell is a gauge.
    pub(crate) fn down(&self) {
        self.0.store(self.get().saturating_sub(1), Ordering::Relaxed);
    }

    /// Sets a gauge.
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The value as last written.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Durations counted in fixed buckets.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One per bound, and one for all that is slower; not yet summed up.
    buckets: [Cell; BUCKETS],
    nanoseconds: Cell,
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn observe(&self, took: Duration) {
        let micros = took.as_micros();
        let bucket = BOUNDS_MICROS.partition_point(|bound| u128::from(*bound) < micros);
        if let Some(cell) = self.buckets.get(bucket) {
            cell.up();
        }
        self.nanoseconds.add(took.as_nanos().min(u128::from(u64::MAX)) as u64);
    }

    /// Adds what it counted to a sum over workers.
    pub(crate) fn add_to(&self, sum: &mut HistogramSum) {
        for (total, cell) in sum.buckets.iter_mut().zip(&self.buckets) {
            *total += cell.get();
        }
        sum.nanoseconds += u128::from(self.nanoseconds.get());
    }
}

/// The sum of the histograms of all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistogramSum {
    /// Not summed up, as in [`Histogram`].
    pub(crate) buckets: [u64; BUCKETS],
    /// The sum of all durations.
    pub(crate) nanoseconds: u128,
}

/// Upper bounds of the buckets in microseconds, inclusive. From a fast answer on one machine to the
/// longest time-out that is usual.
pub(crate) const BOUNDS_MICROS: [u64; BUCKETS - 1] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

const BUCKETS: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_slower_to_the_next() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 60_000_000, 60_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut sum = HistogramSum::default();
        histogram.add_to(&mut sum);
        histogram.add_to(&mut sum);
        assert_eq!(sum.buckets[..2], [4, 2]);
        assert_eq!(sum.buckets[15..], [2, 2]);
        assert_eq!(sum.nanoseconds, 2 * 120_001_002_000);
    }

    #[test]
    fn a_gauge_never_passes_below_nothing() {
        let cell = Cell::default();
        cell.up();
        cell.down();
        cell.down();
        assert_eq!(cell.get(), 0);
    }
}
