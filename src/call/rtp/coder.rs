//! Sound made packets and packets made sound, by each codec.
//!
//! The ears, the recording and the keys live at the telephone's 8 kHz; what carries more is filtered down to that, here
//! and nowhere else. What is said has no more than that in it and is filtered up.

use super::g711::Law;
use crate::vocabulary::{Codec, FRAME_SAMPLES};
use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};
use opus_rs::{Application, OpusDecoder, OpusEncoder};

/// The most one packet may hold (RFC 7587 §4.2).
const PACKET_MS_MAX: usize = 120;
/// Narrowband speech is as clear as Opus can make it.
const OPUS_BITRATE: i32 = 24_000;

/// Makes sound of the packets of one source.
pub struct Decoder {
    codec: Codec,
    state: Decoding,
}

enum Decoding {
    Law(Law),
    G722(Box<G722Decoder>, Halving),
    /// The decoder has the number of channels of the packets that come.
    Opus(Box<OpusDecoder>, usize, Halving),
}

impl Decoder {
    pub fn new(codec: Codec) -> Decoder {
        let state = match codec {
            Codec::Pcma => Decoding::Law(Law::A),
            Codec::Pcmu => Decoding::Law(Law::Mu),
            Codec::G722 => Decoding::G722(Box::new(G722Decoder::new()), Halving::default()),
            Codec::Opus => Decoding::Opus(Box::new(opus_decoder(1)), 1, Halving::default()),
        };
        Decoder { codec, state }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The payload as sound of 8 kHz. Nothing: it is no payload of this codec.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) {
        sound.clear();
        match &mut self.state {
            Decoding::Law(law) => sound.extend(payload.iter().map(|&byte| law.decode(byte))),
            Decoding::G722(decoder, halving) => {
                let mut wide = vec![0; payload.len() * 2];
                let length = decoder.decode_into(payload, &mut wide).unwrap_or(0);
                halving.halve(&wide[..length], sound);
            }
            Decoding::Opus(decoder, channels, halving) => {
                let Some(length) = opus_samples(payload) else { return };
                // RFC 6716 §3.1: the s bit.
                let coming = if payload[0] & 4 != 0 { 2 } else { 1 };
                if coming != *channels {
                    (**decoder, *channels) = (opus_decoder(coming), coming);
                }
                let mut wide = vec![0.0f32; length * coming];
                let Ok(length) = decoder.decode(payload, length, &mut wide) else { return };
                let mixed: Vec<i16> = wide[..length * coming]
                    .chunks_exact(coming)
                    .map(|both| (both.iter().sum::<f32>() / coming as f32 * 32_768.0) as i16)
                    .collect();
                halving.halve(&mixed, sound);
            }
        }
    }
}

fn opus_decoder(channels: usize) -> OpusDecoder {
    OpusDecoder::new(16_000, channels).expect("16 kHz and one or two channels are Opus's own")
}

/// How many samples of 16 kHz an Opus packet holds (RFC 6716 §3.1, §3.2). None: it is none.
fn opus_samples(packet: &[u8]) -> Option<usize> {
    let &toc = packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [160, 320, 640, 960][usize::from(config & 3)],
        config @ 12..=15 => [160, 320][usize::from(config & 1)],
        config => [40, 80, 160, 320][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3F),
    };
    let samples = frame * frames;
    (samples > 0 && samples <= 16 * PACKET_MS_MAX).then_some(samples)
}

/// Makes packets of what we say.
pub struct Encoder {
    codec: Codec,
    state: Encoding,
}

enum Encoding {
    Law(Law),
    G722(Box<G722Encoder>, Doubling),
    Opus(Box<OpusEncoder>),
}

impl Encoder {
    pub fn new(codec: Codec) -> Encoder {
        let state = match codec {
            Codec::Pcma => Encoding::Law(Law::A),
            Codec::Pcmu => Encoding::Law(Law::Mu),
            Codec::G722 => Encoding::G722(Box::new(G722Encoder::new()), Doubling::default()),
            Codec::Opus => {
                let mut encoder =
                    OpusEncoder::new(8_000, 1, Application::Voip).expect("8 kHz and one channel are Opus's own");
                encoder.bitrate_bps = OPUS_BITRATE;
                Encoding::Opus(Box::new(encoder))
            }
        };
        Encoder { codec, state }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// 20 ms of sound as a payload.
    pub fn encode(&mut self, sound: &[i16; FRAME_SAMPLES]) -> Vec<u8> {
        match &mut self.state {
            Encoding::Law(law) => sound.iter().map(|&sample| law.encode(sample)).collect(),
            Encoding::G722(encoder, doubling) => {
                let mut wide = [0; 2 * FRAME_SAMPLES];
                doubling.double(sound, &mut wide);
                let mut payload = vec![0; FRAME_SAMPLES];
                let length = encoder.encode_into(&wide, &mut payload).unwrap_or(0);
                payload.truncate(length);
                payload
            }
            Encoding::Opus(encoder) => {
                let mut payload = vec![0; 1_275];
                let length = encoder.encode_i16(sound, FRAME_SAMPLES, &mut payload).unwrap_or(0);
                payload.truncate(length);
                payload
            }
        }
    }
}

/// Taps of the half-band filter on each side of its middle: flat to 3.5 kHz, 60 dB down from 4.5 kHz on.
const SIDE: usize = 31;

/// The half-band low pass at 16 kHz: an ideal one, under a Kaiser window. Every other tap is zero.
fn taps() -> &'static [f32; 2 * SIDE + 1] {
    static TAPS: std::sync::LazyLock<[f32; 2 * SIDE + 1]> = std::sync::LazyLock::new(|| {
        let bessel = |x: f64| {
            let mut term = 1.0;
            (1..30).fold(1.0, |sum, k| {
                term *= (x / 2.0 / f64::from(k)).powi(2);
                sum + term
            })
        };
        let mut taps = [0.0; 2 * SIDE + 1];
        for (at, tap) in taps.iter_mut().enumerate() {
            let n = at as f64 - SIDE as f64;
            let ideal =
                if n == 0.0 { 0.5 } else { (std::f64::consts::FRAC_PI_2 * n).sin() / (std::f64::consts::PI * n) };
            let window = bessel(5.65 * (1.0 - (n / (SIDE as f64 + 1.0)).powi(2)).sqrt()) / bessel(5.65);
            *tap = (ideal * window) as f32;
        }
        taps
    });
    &TAPS
}

/// 16 kHz to 8.
#[derive(Clone)]
struct Halving {
    line: [i16; 2 * SIDE + 1],
    odd: bool,
}

impl Default for Halving {
    fn default() -> Halving {
        Halving { line: [0; 2 * SIDE + 1], odd: false }
    }
}

impl Halving {
    fn halve(&mut self, wide: &[i16], sound: &mut Vec<i16>) {
        for &sample in wide {
            self.line.copy_within(1.., 0);
            self.line[2 * SIDE] = sample;
            self.odd = !self.odd;
            if !self.odd {
                sound.push(filtered(self.line.iter().map(|&s| f32::from(s))));
            }
        }
    }
}

/// 8 kHz to 16.
#[derive(Clone)]
struct Doubling {
    line: [i16; 2 * SIDE + 1],
}

impl Default for Doubling {
    fn default() -> Doubling {
        Doubling { line: [0; 2 * SIDE + 1] }
    }
}

impl Doubling {
    fn double(&mut self, sound: &[i16], wide: &mut [i16]) {
        for (at, wide) in wide.iter_mut().enumerate() {
            self.line.copy_within(1.., 0);
            self.line[2 * SIDE] = if at % 2 == 0 { sound.get(at / 2).copied().unwrap_or(0) } else { 0 };
            *wide = filtered(self.line.iter().map(|&s| 2.0 * f32::from(s)));
        }
    }
}

fn filtered(line: impl Iterator<Item = f32>) -> i16 {
    let sum: f32 = line.zip(taps()).map(|(sample, tap)| sample * tap).sum();
    sum.round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Seed;

    /// A tone that was sent and received, its first tenth of a second left out.
    fn through(codec: Codec, hz: f64) -> (Vec<i16>, Vec<i16>) {
        let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
        let sound: Vec<i16> = (0..8_000)
            .map(|n| (8_000.0 * (f64::from(n) * hz / 8_000.0 * std::f64::consts::TAU).sin()) as i16)
            .collect();
        let (mut heard, mut piece) = (Vec::new(), Vec::new());
        for frame in sound.chunks_exact(FRAME_SAMPLES) {
            let payload = encoder.encode(frame.try_into().unwrap());
            decoder.decode(&payload, &mut piece);
            assert_eq!(piece.len(), FRAME_SAMPLES, "{codec}: 20 ms in, 20 ms out");
            heard.extend_from_slice(&piece);
        }
        (sound, heard[800..].to_vec())
    }

    fn level(sound: &[i16], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &s) in sound.iter().enumerate() {
            let phase = n as f64 * hz / 8_000.0 * std::f64::consts::TAU;
            (re, im) = (re + f64::from(s) * phase.cos(), im + f64::from(s) * phase.sin());
        }
        2.0 * f64::hypot(re, im) / sound.len() as f64
    }

    #[test]
    fn a_tone_comes_out_as_it_went_in_by_every_codec() {
        for codec in Codec::ALL {
            for hz in [400.0, 1_000.0, 2_000.0, 3_000.0] {
                let (sound, heard) = through(codec, hz);
                let (sent, got) = (level(&sound[800..], hz), level(&heard, hz));
                let off = 20.0 * (got / sent).log10();
                assert!(off.abs() < 1.5, "{codec} at {hz} Hz: {off:.2} dB");
                let whole: f64 = heard.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / heard.len() as f64;
                let noise = (whole - got * got / 2.0).max(1.0);
                let clear = 10.0 * (got * got / 2.0 / noise).log10();
                assert!(clear > 15.0, "{codec} at {hz} Hz: {clear:.1} dB above what does not belong");
            }
        }
    }

    /// A stream's name, its decoder, what it gave.
    type Heard<'a> = (&'a str, Decoder, Vec<i16>);

    /// Every kind of packet that libopus makes: SILK, hybrid, CELT, changes between them, one and two channels, 10 to 60 ms.
    #[test]
    fn packets_of_another_implementation_are_the_tone_they_hold() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/codecs/opus.txt"));
        let (mut streams, mut piece): (Vec<Heard>, Vec<i16>) = (Vec::new(), Vec::new());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("# ") {
                streams.push((name, Decoder::new(Codec::Opus), Vec::new()));
                continue;
            }
            let hex = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
            let packet: Vec<u8> = (0..line.len()).step_by(2).map(hex).collect();
            let (name, decoder, sound) = streams.last_mut().unwrap();
            decoder.decode(&packet, &mut piece);
            assert!(!piece.is_empty(), "{name}: a packet of {} bytes is not read", packet.len());
            sound.extend_from_slice(&piece);
        }
        let whole: Vec<&Heard> = streams.iter().filter(|(.., sound)| !sound.is_empty()).collect();
        assert_eq!(whole.len(), 5);
        // (amplitude, dB above what does not belong), as libopus itself decodes them; two channels mixed to one.
        let libopus: [(f64, f64); 5] =
            [(3_697.0, 6.8), (4_050.0, 26.8), (4_050.0, 17.4), (4_103.0, 47.4), (2_916.0, 32.7)];
        for ((name, _, sound), (amplitude, purity)) in whole.iter().zip(libopus) {
            assert!((4_800..6_000).contains(&sound.len()), "{name}: {} samples", sound.len());
            let middle = &sound[1_600..4_400];
            let got = level(middle, 1_000.0);
            assert!((20.0 * (got / amplitude).log10()).abs() < 0.5, "{name}: {got}, not {amplitude}");
            let power = middle.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / middle.len() as f64;
            let clear = 10.0 * (got * got / 2.0 / (power - got * got / 2.0).max(1.0)).log10();
            assert!(clear > purity.min(35.0) - 2.0, "{name}: {clear:.1} dB, and {purity} by libopus");
        }
    }

    #[test]
    fn what_lies_above_the_telephones_band_does_not_fold_into_it() {
        for hz in [4_600.0, 5_000.0, 6_000.0, 7_500.0] {
            let wide: Vec<i16> = (0..16_000)
                .map(|n| (8_000.0 * (f64::from(n) * hz / 16_000.0 * std::f64::consts::TAU).sin()) as i16)
                .collect();
            let mut sound = Vec::new();
            Halving::default().halve(&wide, &mut sound);
            let left = level(&sound[100..], 8_000.0 - hz);
            assert!(left < 8_000.0 / 500.0, "{hz} Hz folds to {left}");
        }
    }

    #[test]
    fn garbage_is_no_sound_and_no_end() {
        for codec in [Codec::G722, Codec::Opus] {
            let mut decoder = Decoder::new(codec);
            let mut sound = Vec::new();
            for seed in 0..3_000 {
                let mut dice = Seed::new(seed);
                let length = dice.below(200) as usize;
                let payload: Vec<u8> = (0..length).map(|_| dice.next_u32() as u8).collect();
                decoder.decode(&payload, &mut sound);
                assert!(sound.len() <= 8 * PACKET_MS_MAX.max(length), "{codec}, seed {seed}: {} samples", sound.len());
            }
        }
    }

    #[test]
    fn the_length_of_an_opus_packet_is_read_from_its_first_bytes() {
        let check = |packet: &[u8], expected: Option<usize>| assert_eq!(opus_samples(packet), expected, "{packet:?}");
        check(&[1 << 3, 1], Some(320));
        check(&[3 << 3 | 1, 1], Some(1_920));
        check(&[3 << 3 | 3, 3, 1], None);
        check(&[13 << 3, 1], Some(320));
        check(&[31 << 3, 1], Some(320));
        check(&[16 << 3 | 3, 0x30, 1], Some(1_920));
        check(&[3], None);
        check(&[3, 0], None);
        check(&[], None);
    }
}
