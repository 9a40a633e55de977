//! Waits, where the probe may have given up first: Kaplan and Meier's estimate with Greenwood's variance and the
//! log-log interval. A mean over those who were served would flatter.

use super::proportion::Z;
use serde::Serialize;

/// How one wait ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    /// Served after so many seconds.
    Served(f64),
    /// We hung up first: it would have been longer than this.
    GaveUp(f64),
    /// The hotline ended it, or never let us in: nobody would ever have come.
    Never,
}

/// Quantiles that are told.
const TOLD: [f64; 3] = [0.5, 0.9, 0.95];
/// Steps of the curve that are kept; of a longer one, every n-th.
const STEPS_MAX: usize = 240;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    pub n: u64,
    pub served: u64,
    pub gave_up: u64,
    pub never: u64,
    /// The longest anybody waited: nothing is known beyond.
    pub longest_s: Option<f64>,
    pub quantiles: Vec<WaitQuantile>,
    /// By when so many had been served.
    pub curve: Vec<Step>,
}

/// `None` is "longer than the longest wait".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaitQuantile {
    pub q: f64,
    pub value_s: Option<f64>,
    pub low_s: Option<f64>,
    pub high_s: Option<f64>,
}

/// Share served up to and at `at_s`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub at_s: f64,
    pub served: f64,
    pub low: f64,
    pub high: f64,
    /// Still waiting right before.
    pub waiting: u64,
}

/// The whole curve.
pub struct Curve {
    steps: Vec<Step>,
    longest: Option<f64>,
    counts: (u64, u64, u64),
}

impl Curve {
    pub fn of(waits: &[Wait]) -> Curve {
        let mut ends: Vec<(f64, bool)> = Vec::with_capacity(waits.len());
        let mut counts = (0, 0, 0);
        for wait in waits {
            match *wait {
                Wait::Served(s) => {
                    counts.0 += 1;
                    ends.push((s, true));
                }
                Wait::GaveUp(s) => {
                    counts.1 += 1;
                    ends.push((s, false));
                }
                // For ever among those who wait: so the curve never counts them as served.
                Wait::Never => counts.2 += 1,
            }
        }
        // Who is served at the moment another gives up counts first, as is usual.
        ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let (mut waiting, mut left, mut greenwood, mut high) = (waits.len() as u64, 1.0f64, 0.0f64, 1.0f64);
        let (mut steps, mut next) = (Vec::new(), 0);
        while next < ends.len() {
            let at = ends[next].0;
            let here = ends[next..].iter().take_while(|end| end.0 == at).count();
            let served = ends[next..next + here].iter().filter(|end| end.1).count() as u64;
            if served > 0 {
                left *= 1.0 - served as f64 / waiting as f64;
                if served < waiting {
                    greenwood += served as f64 / (waiting as f64 * (waiting - served) as f64);
                }
                // When all have been served Greenwood's sum has no end: the bound before stays.
                let low;
                (low, high) = if left > 0.0 { bounds(left, greenwood) } else { (0.0, high) };
                steps.push(Step { at_s: at, served: 1.0 - left, low: 1.0 - high, high: 1.0 - low, waiting });
            }
            waiting -= here as u64;
            next += here;
        }
        Curve { steps, longest: ends.last().map(|end| end.0), counts }
    }

    /// The share served within so many seconds; `None` beyond the longest wait, unless nobody could still come.
    pub fn within(&self, s: f64) -> Option<(f64, f64, f64)> {
        let step = self.steps.iter().rev().find(|step| step.at_s <= s);
        let known = self.longest.is_some_and(|longest| s <= longest) || self.counts.1 == 0;
        if !known || self.total() == 0 {
            return None;
        }
        Some(step.map_or((0.0, 0.0, 0.0), |step| (step.served, step.low, step.high)))
    }

    fn total(&self) -> u64 {
        self.counts.0 + self.counts.1 + self.counts.2
    }

    /// The first moment by which the share, or a bound of it, has reached q.
    fn reaches(&self, q: f64, of: impl Fn(&Step) -> f64) -> Option<f64> {
        self.steps.iter().find(|step| of(step) >= q - 1e-12).map(|step| step.at_s)
    }

    pub fn told(&self) -> Waits {
        let quantiles = TOLD.map(|q| WaitQuantile {
            q,
            value_s: self.reaches(q, |step| step.served),
            low_s: self.reaches(q, |step| step.high),
            high_s: self.reaches(q, |step| step.low),
        });
        let every = self.steps.len().div_ceil(STEPS_MAX).max(1);
        let last = self.steps.len().saturating_sub(1);
        let kept = self.steps.iter().enumerate().filter(|(n, _)| n % every == 0 || *n == last);
        Waits {
            n: self.total(),
            served: self.counts.0,
            gave_up: self.counts.1,
            never: self.counts.2,
            longest_s: self.longest,
            quantiles: if self.total() > 0 { quantiles.to_vec() } else { Vec::new() },
            curve: kept.map(|(_, step)| step.clone()).collect(),
        }
    }
}

/// The log-log interval of what is left, from Greenwood's sum.
fn bounds(left: f64, greenwood: f64) -> (f64, f64) {
    let stretch = (Z * greenwood.sqrt() / left.ln().abs()).exp();
    (left.powf(stretch), left.powf(1.0 / stretch))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Freireich's leukaemia trial, 6-MP arm: the textbook example (Collett, table 1.1 ff.).
    #[test]
    fn the_textbook_s_curve_is_found() {
        let served = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let gave_up = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let waits: Vec<Wait> = served.map(Wait::Served).into_iter().chain(gave_up.map(Wait::GaveUp)).collect();
        let curve = Curve::of(&waits);
        for (at, left) in [(6.0, 0.857), (7.0, 0.807), (10.0, 0.753), (13.0, 0.690), (22.0, 0.538), (23.0, 0.448)] {
            let step = curve.steps.iter().find(|step| step.at_s == at).unwrap();
            assert!((1.0 - step.served - left).abs() < 6e-4, "{step:?}");
        }
        let at_23 = curve.steps.last().unwrap();
        // R, survfit(conf.type = "log-log"): 0.188–0.680.
        assert!((1.0 - at_23.high - 0.188).abs() < 1e-3 && (1.0 - at_23.low - 0.680).abs() < 1e-3, "{at_23:?}");
        let told = curve.told();
        assert_eq!(
            (told.quantiles[0].value_s, told.quantiles[0].low_s, told.quantiles[0].high_s),
            (Some(23.0), Some(13.0), None)
        );
        assert_eq!(curve.within(36.0), None, "nobody waited so long");
    }

    #[test]
    fn who_is_never_served_is_never_counted_as_served() {
        let waits = [Wait::Served(5.0), Wait::Never, Wait::Never, Wait::Served(9.0)];
        let told = Curve::of(&waits).told();
        assert_eq!(told.quantiles[0].value_s, Some(9.0));
        assert_eq!(told.quantiles[1].value_s, None);
        assert_eq!(Curve::of(&waits).within(600.0).unwrap().0, 0.5);
        assert_eq!(Curve::of(&[]).told(), Waits::default());
    }
}
