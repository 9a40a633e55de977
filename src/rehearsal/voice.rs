//! A pretend voice: a sound with the pitch, the formants, the syllables and the pauses of speech and no words in it.
//!
//! For calls at simulated time, where an oracle knows the words and nothing needs to be installed. Ears must take it
//! for speech; nobody can understand it.

use crate::vocabulary::{Lang, SAMPLE_RATE, Seed};
use std::f64::consts::TAU;

/// Vowels by their first three formants in Hz (Peterson and Barney 1952, men).
const VOWELS: [[f64; 3]; 8] = [
    [730.0, 1090.0, 2440.0],
    [270.0, 2290.0, 3010.0],
    [300.0, 870.0, 2240.0],
    [530.0, 1840.0, 2480.0],
    [570.0, 840.0, 2410.0],
    [660.0, 1720.0, 2410.0],
    [490.0, 1350.0, 1690.0],
    [390.0, 1990.0, 2550.0],
];

/// By how much one opening of the glottis differs from the next, in time and in strength, and the noise between them.
/// A voice as even as a string is taken for music, once it goes on for seconds without a pause: with these numbers ears
/// lose as little of seventeen seconds without one as of seventeen seconds of recorded people.
const JITTER: f64 = 0.06;
const SHIMMER: f64 = 0.4;
const BREATH: f64 = 0.06;
/// How far pitch wanders, and how many syllables in a hundred begin with closed lips, for how long.
const MELODY: f64 = 0.5;
const CLOSED: u64 = 40;
const CLOSURE_MS: usize = 40;

/// Speaks `text`: about four syllables a second, a short pause at each comma and a longer one at each full stop.
pub fn speak(text: &str, lang: Lang, seed: &Seed) -> Vec<i16> {
    let mut voice = Voice::new(seed.fork(text), lang);
    voice.rest(60);
    for syllable in syllables(text, lang) {
        match syllable {
            Beat::Syllable => voice.syllable(),
            Beat::Word => voice.rest(25),
            Beat::Comma => voice.rest(240),
            Beat::Stop => voice.rest(420),
        }
    }
    voice.rest(60);
    voice.samples
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beat {
    Syllable,
    Word,
    Comma,
    Stop,
}

fn syllables(text: &str, lang: Lang) -> Vec<Beat> {
    let mut beats = Vec::new();
    let mut in_vowel = false;
    for c in text.chars() {
        let vowel = "aeiouyAEIOUY".contains(c);
        match c {
            ',' | '，' | '、' | ';' | '；' | ':' | '：' => beats.push(Beat::Comma),
            '.' | '。' | '!' | '！' | '?' | '？' => beats.push(Beat::Stop),
            _ if c.is_whitespace() => beats.push(Beat::Word),
            '0'..='9' | '*' | '#' => beats.push(Beat::Syllable),
            _ if lang == Lang::Zh && !c.is_ascii() => beats.push(Beat::Syllable),
            _ if vowel && !in_vowel => beats.push(Beat::Syllable),
            _ => {}
        }
        in_vowel = vowel;
    }
    if !beats.contains(&Beat::Syllable) {
        beats.push(Beat::Syllable);
    }
    beats
}

struct Voice {
    samples: Vec<i16>,
    chance: Seed,
    pitch: f64,
    phase: f64,
    syllable_ms: u64,
}

impl Voice {
    fn new(chance: Seed, lang: Lang) -> Voice {
        let (pitch, syllable_ms) = match lang {
            Lang::Zh => (190.0, 210),
            Lang::En => (180.0, 190),
        };
        Voice { samples: Vec::new(), chance, pitch, phase: 0.0, syllable_ms }
    }

    /// A consonant (a breath of noise) and a vowel that glides to another.
    fn syllable(&mut self) {
        if self.chance.below(100) < CLOSED {
            self.rest(CLOSURE_MS);
        }
        let count = (self.syllable_ms + self.chance.below(70)) as usize * SAMPLE_RATE as usize / 1_000;
        let consonant = count / 6 + self.chance.below(count as u64 / 8) as usize;
        let from = VOWELS[self.chance.below(8) as usize];
        let to = VOWELS[self.chance.below(8) as usize];
        let pitch_from = self.pitch * (1.025 + MELODY * (self.chance.unit() - 0.5));
        let pitch_to = self.pitch * (0.975 + MELODY * (self.chance.unit() - 0.5));
        let mut resonators = [Resonator::default(), Resonator::default(), Resonator::default()];
        let mut before = 0.0;
        for n in 0..count {
            let along = n as f64 / count as f64;
            let swell = (along * 9.0).min(1.0) * ((1.0 - along) * 6.0).min(1.0);
            let noise = self.chance.unit() * 2.0 - 1.0;
            let source = if n < consonant {
                // High-passed noise, as in s and sh.
                let high = noise - before;
                before = noise;
                0.12 * high
            } else {
                let pitch = pitch_from + (pitch_to - pitch_from) * along;
                self.phase += pitch / f64::from(SAMPLE_RATE);
                // A pulse at each opening of the glottis, none quite like the one before; a little breath.
                let mut pulse = 0.0;
                if self.phase >= 1.0 {
                    self.phase = self.phase.fract() + JITTER * (self.chance.unit() - 0.5);
                    pulse = 1.0 + SHIMMER * (self.chance.unit() - 0.5);
                }
                pulse + BREATH * noise
            };
            let mut sound = 0.0;
            for (i, resonator) in resonators.iter_mut().enumerate() {
                let hz = from[i] + (to[i] - from[i]) * along;
                sound += resonator.step(source, hz, 70.0 + 30.0 * i as f64) * [1.0, 0.6, 0.3][i];
            }
            self.samples.push((sound * swell * 5_200.0).clamp(-30_000.0, 30_000.0) as i16);
        }
    }

    fn rest(&mut self, ms: usize) {
        let count = ms * SAMPLE_RATE as usize / 1_000;
        // Rooms are never quite silent.
        self.samples.extend((0..count).map(|_| (self.chance.below(17) as i16) - 8));
    }
}

/// One formant: a two-pole resonator with a peak gain near one pulse's height.
#[derive(Default)]
struct Resonator {
    y1: f64,
    y2: f64,
}

impl Resonator {
    fn step(&mut self, x: f64, hz: f64, width_hz: f64) -> f64 {
        let rate = f64::from(SAMPLE_RATE);
        let radius = (-std::f64::consts::PI * width_hz / rate).exp();
        let y = x + 2.0 * radius * (TAU * hz / rate).cos() * self.y1 - radius * radius * self.y2;
        self.y2 = self.y1;
        self.y1 = y;
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_as_loud_as_speech_and_as_long_as_its_words() {
        for (text, lang, least_ms, most_ms) in [
            ("Thank you for calling. Press one for sales.", Lang::En, 2_000, 5_000),
            ("欢迎致电，查询订单请按1。", Lang::Zh, 2_500, 5_000),
            ("", Lang::En, 200, 600),
        ] {
            let samples = speak(text, lang, &Seed::new(1));
            let ms = samples.len() / 8;
            assert!((least_ms..most_ms).contains(&ms), "{text}: {ms} ms");
            let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len() as f64;
            let dbov = 10.0 * (power / 32_768f64.powi(2)).log10();
            assert!((-32.0..-12.0).contains(&dbov), "{text}: {dbov} dBov");
            let clipped = samples.iter().filter(|s| s.unsigned_abs() >= 30_000).count();
            assert!(clipped * 1_000 < samples.len(), "{text}: {clipped} clipped");
        }
    }

    #[test]
    fn the_same_words_sound_the_same() {
        assert_eq!(speak("hello", Lang::En, &Seed::new(3)), speak("hello", Lang::En, &Seed::new(3)));
    }
}
