//! IEEE 754 half precision, the way model files hold their weights.

/// Exact: every half is a single.
pub fn to_single(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    let bits = match (exponent, fraction) {
        (0, 0) => sign,
        (0, _) => {
            // Subnormal: its value is fraction × 2⁻²⁴, which a single holds as a normal number.
            let value = fraction as f32 * 2f32.powi(-24);
            sign | value.to_bits()
        }
        (31, _) => sign | 0x7f80_0000 | fraction << 13,
        _ => sign | (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(bits)
}

/// Rounded to nearest, ties to even.
pub fn from_single(single: f32) -> u16 {
    let bits = single.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude >= 0x4780_0000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Subnormal half, or zero: in steps of 2⁻²⁴; adding 0.5 leaves exactly those bits of the fraction, rounded.
        let rounded = (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits();
        return sign | rounded as u16;
    }
    let odd = magnitude >> 13 & 1;
    let rounded = magnitude + 0xfff + odd;
    sign | ((rounded - (112 << 23)) >> 13) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for half in 0..=u16::MAX {
            if half & 0x7c00 == 0x7c00 && half & 0x3ff != 0 {
                assert!(to_single(half).is_nan());
            } else {
                assert_eq!(from_single(to_single(half)), half, "{half:#06x}");
            }
        }
    }

    #[test]
    fn rounding_goes_to_the_nearest_and_ties_to_even() {
        for (single, half) in [
            (1.0, 0x3c00),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
            (65504.0, 0x7bff),
            (65520.0, 0x7c00),
            (-2.0, 0xc000),
            (2f32.powi(-25), 0x0000),
            (2f32.powi(-24) * 1.5, 0x0002),
            (0.0, 0),
        ] {
            assert_eq!(from_single(single), half, "{single}");
        }
    }
}
