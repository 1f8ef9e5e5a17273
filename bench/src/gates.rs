//! The gates: how our figures have to stand to those of the others.

use crate::{
    load::Protocol,
    peer::Peer,
    series::{Series, What},
};

/// One gate and whether it holds.
pub(crate) struct Verdict {
    pub(crate) what: What,
    /// The best of all others where none is named.
    pub(crate) peer: Option<Peer>,
    pub(crate) limit: f64,
    pub(crate) ratio: f64,
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        self.ratio <= self.limit
    }
}

/// What can be decided with the figures of this run.
pub(crate) fn decide(series: &[Series]) -> Vec<Verdict> {
    let decided = GATES.iter().filter_map(|(what, peer, limit)| {
        let series = series.iter().find(|series| series.what == *what)?;
        let ratio = match peer {
            Some(peer) => series.ratio(*peer)?,
            None => {
                let others = Peer::ALL.iter().filter(|peer| **peer != Peer::Portcullis);
                others.filter_map(|peer| series.ratio(*peer)).max_by(f64::total_cmp)?
            }
        };
        Some(Verdict { what: *what, peer: *peer, limit: *limit, ratio })
    });
    decided.collect()
}

const GATES: &[(What, Option<Peer>, f64)] = &[
    (What::Cpu(Protocol::H1), Some(Peer::Nginx), 0.95),
    (What::Cpu(Protocol::H1), Some(Peer::Haproxy), 0.95),
    (What::Cpu(Protocol::H1), Some(Peer::Envoy), 0.45),
    (What::Cpu(Protocol::H1Tls), Some(Peer::Nginx), 0.90),
    (What::Cpu(Protocol::H2), Some(Peer::Nginx), 0.85),
    (What::Cpu(Protocol::H2), Some(Peer::Haproxy), 1.0),
    (What::Handshake { resumed: false }, None, 0.80),
    (What::Connection, Some(Peer::Nginx), 1.0),
    (What::P99(Protocol::H1), Some(Peer::Nginx), 1.0),
    (What::P99(Protocol::H1Tls), Some(Peer::Nginx), 1.0),
    (What::P99(Protocol::H2), Some(Peer::Nginx), 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figure;

    #[test]
    fn the_best_of_the_others_is_the_one_to_beat() {
        let what = What::Handshake { resumed: false };
        let values = [195.0, 290.0, 250.0, 320.0];
        let figures = Peer::ALL.iter().zip(values);
        let figures = figures.filter_map(|(peer, value)| Some((*peer, Figure::of(&[value])?)));
        let verdicts = decide(&[Series { what, figures: figures.collect() }]);
        let [verdict] = &*verdicts else { panic!("{} verdicts", verdicts.len()) };
        assert!((verdict.ratio - 0.78).abs() < 1e-9 && verdict.holds(), "{}", verdict.ratio);
    }

    #[test]
    fn what_was_not_measured_is_not_decided() {
        let what = What::Cpu(Protocol::H1);
        let ours = Figure::of(&[10.0]).unwrap();
        let figures = vec![(Peer::Portcullis, ours), (Peer::Nginx, Figure::of(&[10.0]).unwrap())];
        let verdicts = decide(&[Series { what, figures }]);
        assert_eq!(verdicts.len(), 1);
        assert!(!verdicts[0].holds(), "as much is not 5 % less");
    }
}
