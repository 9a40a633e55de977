//! Features of sounds for training the voice gate (`fixtures/voice`): on standard input, for each clip its number of
//! samples (u32) and the samples (s16le, 8 kHz); on standard output its features, f32le, a row a frame.
use nightbell::hearing::senses::Senses;
use nightbell::vocabulary::Frame;
use std::io::{Read, Write};
fn main() {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut head = [0u8; 4];
    while input.read_exact(&mut head).is_ok() {
        let n = u32::from_le_bytes(head) as usize;
        let mut bytes = vec![0u8; n * 2];
        input.read_exact(&mut bytes).unwrap();
        let mut senses = Senses::new();
        for chunk in bytes.chunks_exact(320) {
            let mut f = Frame::SILENT;
            for (s, b) in f.samples.iter_mut().zip(chunk.chunks_exact(2)) {
                *s = i16::from_le_bytes([b[0], b[1]]);
            }
            let s = senses.measure(&f);
            for v in &s.features {
                out.write_all(&v.to_le_bytes()).unwrap();
            }
        }
    }
}
