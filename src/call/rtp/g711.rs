//! G.711, both laws, both ways (ITU-T G.711 tables 1a and 2a).

/// A byte a sample, by one law or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    A,
    Mu,
}

impl Law {
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Law::A => ALAW_TO_LINEAR[usize::from(byte)],
            Law::Mu => ULAW_TO_LINEAR[usize::from(byte)],
        }
    }

    pub fn encode(self, sample: i16) -> u8 {
        match self {
            // 13 significant bits for A-law, 14 for µ-law: the bits below carry nothing.
            Law::A => LINEAR_TO_ALAW[usize::from((sample as u16) >> 3)],
            Law::Mu => LINEAR_TO_ULAW[usize::from((sample as u16) >> 2)],
        }
    }
}

static ALAW_TO_LINEAR: [i16; 256] = alaw_to_linear();
static ULAW_TO_LINEAR: [i16; 256] = ulaw_to_linear();
static LINEAR_TO_ALAW: [u8; 8192] = linear_to_alaw();
static LINEAR_TO_ULAW: [u8; 16384] = linear_to_ulaw();

/// Segment and step of table 1a, scaled from 13 to 16 bits; even bits are inverted on the wire.
const fn alaw_to_linear() -> [i16; 256] {
    let mut table = [0i16; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = (byte as u8) ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = ((code & 0x0F) as i32) << 4;
        let size = match segment {
            0 => step + 8,
            _ => (step + 0x108) << (segment - 1),
        };
        table[byte] = if code & 0x80 != 0 { size as i16 } else { -size as i16 };
        byte += 1;
    }
    table
}

/// Segment and step of table 2a, scaled from 14 to 16 bits; all bits are inverted on the wire.
const fn ulaw_to_linear() -> [i16; 256] {
    let mut table = [0i16; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as u8);
        let size = (((((code & 0x0F) as i32) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
        table[byte] = if code & 0x80 != 0 { -size as i16 } else { size as i16 };
        byte += 1;
    }
    table
}

const fn linear_to_alaw() -> [u8; 8192] {
    let mut table = [0u8; 8192];
    let mut index = 0;
    while index < 8192 {
        // The 13-bit two's complement value.
        let value = if index < 4096 { index as i32 } else { index as i32 - 8192 };
        // The decision values of the negative half mirror those of the positive one about −1/2.
        let (sign, size) = if value >= 0 { (0x80u8, value) } else { (0u8, -value - 1) };
        let mut segment = 0u8;
        while segment < 7 && size >= (32 << segment) {
            segment += 1;
        }
        let step = if segment < 2 { size >> 1 } else { size >> segment };
        table[index] = (sign | (segment << 4) | (step as u8 & 0x0F)) ^ 0x55;
        index += 1;
    }
    table
}

const fn linear_to_ulaw() -> [u8; 16384] {
    let mut table = [0u8; 16384];
    let mut index = 0;
    while index < 16384 {
        let value = if index < 8192 { index as i32 } else { index as i32 - 16384 };
        let (sign, mut size) = if value >= 0 { (0u8, value) } else { (0x80u8, -value) };
        // Bias of 33 (14-bit units); full scale clips at 8158.
        size = if size > 8158 { 8158 } else { size } + 33;
        let mut segment = 0u8;
        while segment < 7 && size >= (64 << segment) {
            segment += 1;
        }
        let step = (size >> (segment + 1)) as u8 & 0x0F;
        table[index] = !(sign | (segment << 4) | step);
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against another implementation (CPython's audioop, which comes from SoX): CRC-32 of the decode of all bytes and
    /// of the encode of all 16-bit samples from −32768 up, little-endian.
    #[test]
    fn both_laws_are_those_of_another_implementation() {
        for (codec, decoded, encoded) in [(Law::A, 0x9D76_4657, 0x9133_796E), (Law::Mu, 0x0C84_7A9F, 0x3B7C_3A3E)] {
            let all: Vec<u8> = (0..=255u8).flat_map(|byte| codec.decode(byte).to_le_bytes()).collect();
            assert_eq!(crc32fast::hash(&all), decoded, "{codec:?} decode");
            let all: Vec<u8> = (i16::MIN..=i16::MAX).map(|sample| codec.encode(sample)).collect();
            assert_eq!(crc32fast::hash(&all), encoded, "{codec:?} encode");
        }
    }

    /// Decoder output values of ITU-T G.711 tables 1a (13 bits, here × 8) and 2a (14 bits, here × 4).
    #[test]
    fn the_tables_of_the_recommendation_stand() {
        let check = |codec: Law, byte: u8, value: i16| {
            assert_eq!(codec.decode(byte), value, "{codec:?} {byte:#04x}");
            assert_eq!(codec.encode(value), byte, "{codec:?} {value}");
        };
        for (byte, value) in [(0xAA, 4032), (0x2A, -4032), (0xD5, 1), (0x55, -1), (0x80, 688), (0x00, -688)] {
            check(Law::A, byte, value * 8);
        }
        for (byte, value) in [(0x80, 8031), (0x00, -8031), (0xFF, 0), (0x8F, 4191), (0x9F, 2079), (0xFE, 2)] {
            check(Law::Mu, byte, value * 4);
        }
    }

    #[test]
    fn a_sample_comes_back_as_near_as_its_law_allows() {
        for codec in [Law::A, Law::Mu] {
            for sample in i16::MIN..=i16::MAX {
                let back = i32::from(codec.decode(codec.encode(sample)));
                let off = (back - i32::from(sample)).abs();
                assert!(off <= i32::from(sample).abs() / 16 + 20, "{codec:?}: {sample} came back as {back}");
            }
        }
    }
}
