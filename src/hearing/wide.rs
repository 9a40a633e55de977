//! The same arithmetic in wider registers, where the processor has them.
//!
//! What is built for every x86-64 takes four numbers with one instruction; processors since 2013 take eight (AVX2). A
//! function in `wide!` exists for both, and the processor at hand chooses when it is called. Both make the same sums and
//! products in the same order, none of them joined into one rounding: a tape replays to the same bit on either.

/// One function, compiled twice. What it calls must be `#[inline(always)]` to be wide as well.
macro_rules! wide {
    ($(#[$about:meta])* $who:vis fn $name:ident($($given:ident: $kind:ty),* $(,)?) $(-> $gives:ty)? $body:block) => {
        $(#[$about])*
        $who fn $name($($given: $kind),*) $(-> $gives)? {
            #[inline(always)]
            fn plain($($given: $kind),*) $(-> $gives)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn eight($($given: $kind),*) $(-> $gives)? {
                plain($($given),*)
            }

            #[cfg(target_arch = "x86_64")]
            if $crate::hearing::wide::has_avx2() {
                // SAFETY: all that is asked of the caller is that the processor knows these instructions.
                return unsafe { eight($($given),*) };
            }
            plain($($given),*)
        }
    };
}

pub(in crate::hearing) use wide;

/// Sums that run beside one another: one after the other, each addition would wait for the one before.
const LANES: usize = 8;

/// The sum of all, eight sums at a time.
#[inline(always)]
pub(in crate::hearing) fn sum(values: &[f32]) -> f32 {
    let (eights, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for eight in eights {
        sums = std::array::from_fn(|k| sums[k] + eight[k]);
    }
    join(sums) + rest.iter().sum::<f32>()
}

/// The sum of the products of both.
#[inline(always)]
pub(in crate::hearing) fn product(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sums = std::array::from_fn(|k| sums[k] + a[k] * b[k]);
    }
    join(sums) + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[inline(always)]
fn join([a, b, c, d, e, f, g, h]: [f32; LANES]) -> f32 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Looked up once by the standard library, and then read.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(in crate::hearing) fn has_avx2() -> bool {
    #[cfg(test)]
    if NARROW.get() {
        return false;
    }
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(test)]
thread_local! {
    /// As on a processor without: for tests that compare.
    pub(in crate::hearing) static NARROW: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
