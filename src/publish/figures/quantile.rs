//! Quantiles of what was measured in full, with intervals from order statistics: no distribution is assumed.

use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Half of what a 95 % interval leaves out.
const TAIL: f64 = 0.025;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    pub n: u64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub quantiles: Vec<Quantile>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quantile {
    pub q: f64,
    /// The smallest value that at least this share of values does not exceed.
    pub value: f64,
    /// 95 %; `None` where the sample is too small for a bound on that side.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Quantiles {
    /// Values in any order.
    pub fn of(mut values: Vec<f64>, wanted: &[f64]) -> Quantiles {
        values.sort_by(f64::total_cmp);
        let quantiles =
            if values.is_empty() { Vec::new() } else { wanted.iter().map(|q| quantile(&values, *q)).collect() };
        Quantiles { n: values.len() as u64, min: values.first().copied(), max: values.last().copied(), quantiles }
    }

    pub fn at(&self, q: f64) -> Option<&Quantile> {
        self.quantiles.iter().find(|one| one.q == q)
    }
}

fn quantile(sorted: &[f64], q: f64) -> Quantile {
    let n = sorted.len();
    // 100 values, 90 %: 0.9 · 100 is a little more than 90 to a machine.
    let rank = ((q * n as f64 - 1e-9).ceil() as usize).clamp(1, n);
    let (low, high) = ranks(n as u64, q);
    let at = |rank: u64| sorted[rank as usize - 1];
    Quantile { q, value: at(rank as u64), low: low.map(at), high: high.map(at) }
}

/// Ranks, from 1, between which the quantile lies with 95 %: the lower is the largest r with P(B < r) ≤ 2.5 %, the
/// upper the smallest with P(B ≥ r) ≤ 2.5 %, where B of n values lie below the quantile.
pub fn ranks(n: u64, q: f64) -> (Option<u64>, Option<u64>) {
    let Ok(below) = Binomial::new(q, n) else { return (None, None) };
    let below_or_at = |r: u64| below.cdf(r);
    // The largest r in 1..=n with P(B ≤ r − 1) ≤ 2.5 %.
    let (mut low, mut end) = (0, n + 1);
    while end - low > 1 {
        let middle = (low + end) / 2;
        if below_or_at(middle - 1) <= TAIL { low = middle } else { end = middle }
    }
    // The smallest r in 1..=n with P(B ≤ r − 1) ≥ 97.5 %.
    let (mut begin, mut high) = (0, n + 1);
    while high - begin > 1 {
        let middle = (begin + high) / 2;
        if below_or_at(middle - 1) >= 1.0 - TAIL { high = middle } else { begin = middle }
    }
    ((low >= 1).then_some(low), (high <= n).then_some(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_as_computed_apart() {
        for (n, q, low, high) in [
            (100, 0.5, Some(40), Some(61)),
            (100, 0.9, Some(84), Some(96)),
            (100, 0.95, Some(90), Some(100)),
            (200, 0.95, Some(184), Some(197)),
            // A finite upper bound for p95 needs 72 values, for p99 368.
            (71, 0.95, None, None),
            (367, 0.99, None, None),
        ] {
            let found = ranks(n, q);
            if low.is_some() {
                assert_eq!(found, (low, high), "{n} {q}");
            } else {
                assert_eq!(found.1, None, "{n} {q}");
                assert!(ranks(n + 1, q).1.is_some(), "{n} {q}");
            }
        }
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let found = Quantiles::of((1..=100).rev().map(f64::from).collect(), &[0.5, 0.9]);
        let [median, p90] = &found.quantiles[..] else { panic!() };
        assert_eq!((median.value, median.low, median.high), (50.0, Some(40.0), Some(61.0)));
        assert_eq!((p90.value, p90.low, p90.high), (90.0, Some(84.0), Some(96.0)));
        assert_eq!(Quantiles::of(Vec::new(), &[0.5]).quantiles, []);
    }
}
