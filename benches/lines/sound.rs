//! What the far side plays: eight seconds with a tone, a key and speech in them.

use nightbell::call::rtp::g711::Law;
use nightbell::edge::{cache, sound};
use nightbell::hearing::tones;

const SECONDS: usize = 8;

/// As PCMA, and whether the speech in it is a recorded prompt of the cache; else it is bursts of noise.
pub fn payload() -> (Vec<u8>, bool) {
    let mut samples = vec![0i16; 4_000];
    for _ in 0..4 {
        samples.extend(tones::render("480+620/500,500", -15.0).expect("a tone"));
    }
    samples.extend(tones::render("770+1336/120,400", -10.0).expect("a tone"));
    let prompt = cache::prompts().join("en/demo-congrats.wav");
    let speech = sound::read(&prompt).map(|recording| recording.at(8_000).samples);
    let recorded = speech.is_ok();
    let mut noise = 1u32;
    samples.extend(speech.unwrap_or_else(|_| {
        let mut random = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 16) as i16
        };
        (0..32_000usize).map(|n| random() / if (n / 1_200).is_multiple_of(2) { 8 } else { 200 }).collect()
    }));
    samples.truncate((SECONDS * 8_000) - 6_000);
    samples.resize(SECONDS * 8_000, 0);
    (samples.into_iter().map(|sample| Law::A.encode(sample)).collect(), recorded)
}
