//! The sound of a key: two tones at once (ITU-T Q.23), as a telephone sends them.

use crate::vocabulary::{Key, SAMPLE_RATE};
use std::f64::consts::{PI, TAU};

const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYPAD: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

/// Levels: the column 2 dB above the row, for lines lose more of it (ETSI ES 201 235-2: twist 2 ± 1 dB), and both well
/// inside every receiver's window (Q.24: 0 to −25 dBm0).
const ROW_DBM0: f64 = -10.0;
const COLUMN_DBM0: f64 = -8.0;
/// A full-scale sine is +3.14 dBm0 in G.711 A-law, +3.17 in µ-law (ITU-T G.711 §4).
#[allow(clippy::approx_constant)] // not pi
const FULL_SCALE_DBM0: f64 = 3.14;
/// The tone swells and fades over so many samples (2 ms), to make no click.
const RAMP: usize = 16;

/// Row and column frequency of a key, in Hz.
pub fn frequencies(key: Key) -> (f64, f64) {
    let at = KEYPAD.iter().position(|&symbol| symbol == key.symbol()).unwrap_or(0);
    (ROWS[at / 4], COLUMNS[at % 4])
}

/// Samples `from..` of the tone of `key`, which is `length` samples long in all.
pub fn render(key: Key, length: usize, from: usize, samples: &mut [i16]) {
    let (row, column) = frequencies(key);
    let (row_peak, column_peak) = (peak(ROW_DBM0), peak(COLUMN_DBM0));
    for (i, sample) in samples.iter_mut().enumerate() {
        let n = from + i;
        let t = n as f64 / f64::from(SAMPLE_RATE) * TAU;
        let value = row_peak * (row * t).sin() + column_peak * (column * t).sin();
        *sample = (value * swell(n, length)).round() as i16;
    }
}

fn peak(dbm0: f64) -> f64 {
    32_767.0 * 10f64.powf((dbm0 - FULL_SCALE_DBM0) / 20.0)
}

fn swell(n: usize, length: usize) -> f64 {
    let edge = n.min(length.saturating_sub(n + 1));
    match n {
        _ if n >= length => 0.0,
        _ if edge >= RAMP => 1.0,
        _ => 0.5 - 0.5 * (PI * (edge as f64 + 0.5) / RAMP as f64).cos(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Power of one frequency in dBm0 (full-scale sine 3.14).
    fn level(samples: &[i16], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &s) in samples.iter().enumerate() {
            let phase = n as f64 * hz / 8000.0 * TAU;
            re += f64::from(s) * phase.cos();
            im += f64::from(s) * phase.sin();
        }
        let amplitude = 2.0 * (re * re + im * im).sqrt() / samples.len() as f64;
        20.0 * (amplitude / 32_767.0).log10() + FULL_SCALE_DBM0
    }

    #[test]
    fn every_key_has_its_two_tones_at_their_levels_and_nothing_else() {
        for symbol in Key::ALL {
            let key = Key::new(symbol).unwrap();
            let mut samples = [0i16; 960];
            render(key, 960, 0, &mut samples);
            let (row, column) = frequencies(key);
            let middle = &samples[80..880];
            let (low, high) = (level(middle, row), level(middle, column));
            assert!((low - ROW_DBM0).abs() < 0.5, "{key}: {low}");
            assert!((high - COLUMN_DBM0).abs() < 0.5, "{key}: {high}");
            for other in ROWS.iter().chain(&COLUMNS).filter(|&&hz| hz != row && hz != column) {
                assert!(level(middle, *other) < low - 15.0, "{key}: {other} Hz at {}", level(middle, *other));
            }
            assert!(samples[0].abs() < 200 && samples[959].abs() < 1200, "{key} clicks");
        }
    }

    #[test]
    fn the_keypad_is_the_one_on_every_telephone() {
        for (symbol, row, column) in
            [('1', 697.0, 1209.0), ('5', 770.0, 1336.0), ('9', 852.0, 1477.0), ('0', 941.0, 1336.0)]
        {
            assert_eq!(frequencies(Key::new(symbol).unwrap()), (row, column), "{symbol}");
        }
        assert_eq!(frequencies(Key::new('*').unwrap()), (941.0, 1209.0));
        assert_eq!(frequencies(Key::new('#').unwrap()), (941.0, 1477.0));
        assert_eq!(frequencies(Key::new('D').unwrap()), (941.0, 1633.0));
    }

    #[test]
    fn a_tone_cut_into_frames_is_the_same_tone() {
        let key = Key::new('7').unwrap();
        let (mut whole, mut parts) = ([0i16; 960], [0i16; 960]);
        render(key, 960, 0, &mut whole);
        for (i, part) in parts.chunks_mut(160).enumerate() {
            render(key, 960, i * 160, part);
        }
        assert_eq!(whole, parts);
    }
}
