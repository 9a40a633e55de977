//! Special information tones: three rising tones before an announcement of the network, and what they say.
//!
//! ITU-T E.180 clause 5: 950 ± 50, 1400 ± 50, 1800 ± 50 Hz, 330 ± 70 ms each, gaps up to 30 ms. Bellcore SR-2275
//! codes the reason in the first two tones: low or high, short (274 ms) or long (380 ms); the third is always
//! 1776.7 Hz for 380 ms and so serves as the reference for a line that is off pitch.

use super::pitch::ToneRun;
use crate::vocabulary::Sit;

const ITU_HZ: [f32; 3] = [950.0, 1_400.0, 1_800.0];
const ITU_HZ_TOLERANCE: f32 = 55.0;
const ITU_MS: std::ops::RangeInclusive<f64> = 235.0..=435.0;
/// Gaps up to 30 ms, as measured.
const GAP_MS_MAX: f64 = 70.0;
/// Bellcore: frequencies ±0.2 %; with the reference measured too, this much tells low from high (they lie 7 and 4 % apart).
const CODE_TOLERANCE: f32 = 0.012;
const REFERENCE_HZ: f32 = 1_776.7;
/// Between short (274) and long (380 ms).
const LONG_MS_MIN: f64 = 327.0;

/// The SIT that the last three tones make.
pub fn of_three(runs: &[ToneRun]) -> Option<Sit> {
    let [first, second, third] = runs else { return None };
    for (run, hz) in runs.iter().zip(ITU_HZ) {
        if run.is_pair() || (run.hz[0] - hz).abs() > ITU_HZ_TOLERANCE || !ITU_MS.contains(&run.ms()) {
            return None;
        }
    }
    if second.from_ms - first.to_ms > GAP_MS_MAX || third.from_ms - second.to_ms > GAP_MS_MAX {
        return None;
    }
    Some(code(first, second, third))
}

fn code(first: &ToneRun, second: &ToneRun, third: &ToneRun) -> Sit {
    let scale = REFERENCE_HZ / third.hz[0];
    let band = |hz: f32, low: f32, high: f32| {
        let near = |wanted: f32| (hz * scale / wanted - 1.0).abs() <= CODE_TOLERANCE;
        if near(low) {
            Some('l')
        } else if near(high) {
            Some('h')
        } else {
            None
        }
    };
    let (Some(one), Some(two)) = (band(first.hz[0], 913.8, 985.2), band(second.hz[0], 1_370.6, 1_428.5)) else {
        return Sit::Unknown;
    };
    match (one, first.ms() >= LONG_MS_MIN, two, second.ms() >= LONG_MS_MIN) {
        ('l', false, 'l', false) => Sit::Intercept,
        ('h', true, 'l', false) => Sit::VacantCode,
        ('l', false, 'h', true) => Sit::ReorderLocal,
        ('h', false, 'l', true) => Sit::ReorderInterCarrier,
        ('h', true, 'h', true) => Sit::NoCircuitLocal,
        ('l', true, 'l', true) => Sit::NoCircuitInterCarrier,
        ('l', true, 'h', false) => Sit::Reserved1,
        ('h', false, 'h', false) => Sit::Reserved2,
        _ => Sit::Unknown,
    }
}
