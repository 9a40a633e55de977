//! Shares of calls: Wilson's interval, the interval when failures come in clusters, and what a sample can and cannot
//! claim (exact binomial).

use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::function::beta::beta_reg;

/// The 97.5 % point of the normal distribution: intervals are two-sided, 95 %.
pub const Z: f64 = 1.959_963_984_540_054;
/// How sure a claim has to be, one-sided.
pub const SURE: f64 = 0.95;
/// Shares that are claimed of telephone lines.
const CLAIMED: [f64; 3] = [0.95, 0.99, 0.999];
/// No sample is larger.
const CALLS_MAX: u64 = 1 << 24;

/// `hits` of `calls`, with what that says of the share behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    pub hits: u64,
    pub calls: u64,
    /// `None` without calls, as are the bounds.
    pub share: Option<f64>,
    /// Wilson, 95 %: calls are independent.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// A share whose misses may come in clusters, a day being one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clustered {
    /// How many times the variance is that of independent calls; never told below 1.
    pub design_effect: f64,
    pub calls_effective: f64,
    pub low: f64,
    pub high: f64,
}

/// Whether the sample shows that the share is at least so much.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    pub at_least: f64,
    pub says: Says,
    /// So many calls with as many misses would show it.
    pub calls_needed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// 95 % sure that it is.
    Shown,
    /// 95 % sure that it is not.
    Refuted,
    /// The sample is too small to tell.
    CannotTell,
}

impl Share {
    pub fn of(hits: u64, calls: u64) -> Share {
        let bounds = wilson(hits as f64, calls as f64);
        Share {
            hits,
            calls,
            share: (calls > 0).then(|| hits as f64 / calls as f64),
            low: bounds.map(|b| b.0),
            high: bounds.map(|b| b.1),
        }
    }
}

/// Wilson's score interval.
pub fn wilson(hits: f64, calls: f64) -> Option<(f64, f64)> {
    if calls <= 0.0 {
        return None;
    }
    let (p, z2) = (hits / calls, Z * Z);
    let middle = p + z2 / (2.0 * calls);
    let half = Z * (p * (1.0 - p) / calls + z2 / (4.0 * calls * calls)).sqrt();
    let scale = 1.0 + z2 / calls;
    // Rounding must not leave the ends of the scale.
    let low = if hits == 0.0 { 0.0 } else { ((middle - half) / scale).max(0.0) };
    let high = if hits == calls { 1.0 } else { ((middle + half) / scale).min(1.0) };
    Some((low, high))
}

/// `clusters` are (hits, calls); with fewer than two, or without a miss or a hit, there is nothing to learn from them.
/// Ratio estimator over clusters: Var = m/(m−1) · Σ(hits_i − p·calls_i)² / calls².
pub fn clustered(clusters: &[(u64, u64)]) -> Option<Clustered> {
    let used: Vec<_> = clusters.iter().filter(|(_, calls)| *calls > 0).collect();
    let (hits, calls) = used.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if used.len() < 2 || hits == 0 || hits == calls {
        return None;
    }
    let (n, m) = (calls as f64, used.len() as f64);
    let p = hits as f64 / n;
    let squares: f64 = used.iter().map(|(hits, calls)| (*hits as f64 - p * *calls as f64).powi(2)).sum();
    let design_effect = (m / (m - 1.0) * squares / (n * p * (1.0 - p))).max(1.0);
    let calls_effective = n / design_effect;
    let (low, high) = wilson(p * calls_effective, calls_effective)?;
    Some(Clustered { design_effect, calls_effective, low, high })
}

/// The exact one-sided lower bound (Clopper and Pearson) below which the share is not, by `SURE`.
pub fn at_least(hits: u64, calls: u64) -> Option<f64> {
    if calls == 0 {
        return None;
    }
    if hits == 0 {
        return Some(0.0);
    }
    // P(X ≥ hits | p) = I_p(hits, calls − hits + 1), growing with p.
    Some(solve(|p| beta_reg(hits as f64, (calls - hits) as f64 + 1.0, p) - (1.0 - SURE)))
}

/// The exact one-sided upper bound.
pub fn at_most(hits: u64, calls: u64) -> Option<f64> {
    at_least(calls.checked_sub(hits)?, calls).map(|low| 1.0 - low)
}

/// The root of a growing function on 0–1.
fn solve(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The fewest calls with so many misses from which on "at least `share`" is shown: P(misses or fewer | 1 − share) ≤ 5 %.
pub fn calls_needed(share: f64, misses: u64) -> u64 {
    let shown = |calls: u64| {
        let chance = Binomial::new(1.0 - share, calls).map(|b| b.cdf(misses)).unwrap_or(1.0);
        chance <= 1.0 - SURE + 1e-12
    };
    let (mut low, mut high) = (misses, misses + 1);
    while !shown(high) && high < CALLS_MAX {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if shown(middle) { high = middle } else { low = middle }
    }
    high
}

pub fn claims(hits: u64, calls: u64) -> Vec<Claim> {
    let (low, high) = (at_least(hits, calls), at_most(hits, calls));
    let claim = |share: f64| Claim {
        at_least: share,
        says: match (low, high) {
            (Some(low), _) if low >= share => Says::Shown,
            (_, Some(high)) if high < share => Says::Refuted,
            _ => Says::CannotTell,
        },
        calls_needed: calls_needed(share, calls - hits),
    };
    CLAIMED.into_iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_is_as_published() {
        for (hits, calls, low, high) in [
            (28, 30, 0.787, 0.982),
            (30, 30, 0.886, 1.0),
            (95, 100, 0.888, 0.978),
            (719, 720, 0.9922, 0.9998),
            (0, 20, 0.0, 0.161),
        ] {
            let share = Share::of(hits, calls);
            let (found_low, found_high) = (share.low.unwrap(), share.high.unwrap());
            assert!((found_low - low).abs() < 6e-4 && (found_high - high).abs() < 6e-4, "{hits}/{calls}: {share:?}");
        }
        assert_eq!(Share::of(0, 0).share, None);
    }

    #[test]
    fn a_claim_needs_as_many_calls_as_the_binomial_says() {
        for (share, needed) in
            [(0.95, [59, 93, 124, 153]), (0.99, [299, 473, 628, 773]), (0.999, [2995, 4742, 6294, 7752])]
        {
            for (misses, calls) in needed.into_iter().enumerate() {
                let misses = misses as u64;
                assert_eq!(calls_needed(share, misses), calls, "{share} with {misses} misses");
                assert!(at_least(calls - misses, calls).unwrap() >= share - 1e-9);
                assert!(at_least(calls - 1 - misses, calls - 1).unwrap() < share);
            }
        }
    }

    #[test]
    fn a_month_of_hours_cannot_show_three_nines() {
        let says: Vec<Says> = claims(720, 720).into_iter().map(|claim| claim.says).collect();
        assert_eq!(says, [Says::Shown, Says::Shown, Says::CannotTell]);
        assert_eq!(claims(60, 100)[0].says, Says::Refuted);
    }

    #[test]
    fn one_bad_day_is_a_cluster() {
        let mut days = vec![(24, 24); 29];
        days.push((0, 24));
        let found = clustered(&days).unwrap();
        assert!(found.design_effect > 20.0, "{found:?}");
        let even = clustered(&[(23, 24); 30]).unwrap();
        assert_eq!(even.design_effect, 1.0);
        assert_eq!(clustered(&[(24, 24); 30]), None);
    }
}
