//! What becomes of several measurements of the same: the median, and how far they lie apart.

use std::time::Duration;

/// One figure from all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Figure {
    /// Of what the rounds gave; nothing when they gave nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, least, most })
    }

    /// Half of the way between the least and the most, in per cent of the median.
    pub(crate) fn spread(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { 50.0 * (self.most - self.least) / self.median }
    }
}

/// The time that this share of all requests did not exceed.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let cases: [(&[f64], f64, f64); 3] =
            [(&[5.0], 5.0, 0.0), (&[9.0, 10.0, 12.0], 10.0, 15.0), (&[4.0, 1.0], 2.5, 60.0)];
        for (values, median, spread) in cases {
            let figure = Figure::of(values).unwrap();
            assert_eq!((figure.median, figure.spread()), (median, spread), "{values:?}");
        }
        assert_eq!(Figure::of(&[]), None);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        for (share, expected) in [(0.5, 100), (0.99, 198), (0.0, 1), (1.0, 200)] {
            assert_eq!(quantile(&values, share), Some(Duration::from_micros(expected)), "{share}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }
}
