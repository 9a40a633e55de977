//! A share of calls with what the number of calls can claim.

/// `hits` of `all`, with its Wilson interval at 95 % (Wilson 1927; no continuity correction).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    pub all: u64,
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Share {
    /// `None` of nothing: that is not known.
    pub fn of(hits: u64, all: u64) -> Option<Share> {
        if all == 0 {
            return None;
        }
        let (n, p) = (all as f64, hits as f64 / all as f64);
        let middle = p + Z * Z / (2.0 * n);
        let width = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        let (low, high) = (((middle - width) / whole).max(0.0), ((middle + width) / whole).min(1.0));
        Some(Share { all, share: p, low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilson_s() {
        // By hand: p = 0.9, n = 10 → (0.9 + 0.19207 ± 1.96·√(0.009 + 0.009604)) / 1.38415.
        let share = Share::of(9, 10).unwrap();
        assert!((share.low - 0.5958).abs() < 5e-4 && (share.high - 0.9821).abs() < 5e-4, "{share:?}");
        assert_eq!(Share::of(0, 0), None);
        let all = Share::of(5, 5).unwrap();
        assert!(all.high == 1.0 && all.low < 0.6, "five of five is no proof of a hundred percent: {all:?}");
    }
}
