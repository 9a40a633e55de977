//! Twenty milliseconds of telephone sound.

pub const SAMPLE_RATE: u32 = 8_000;
pub const FRAME_MS: u64 = 20;
pub const FRAME_SAMPLES: usize = 160;

/// 20 ms of 16-bit linear sound at 8 kHz, and whether it was really received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub samples: [i16; FRAME_SAMPLES],
    /// True when the packet that should have filled this frame did not come in time: the samples are then
    /// concealment (or zero), and no detector may count them as evidence of silence.
    pub lost: bool,
}

impl Frame {
    pub const SILENT: Frame = Frame { samples: [0; FRAME_SAMPLES], lost: false };
    pub const LOST: Frame = Frame { samples: [0; FRAME_SAMPLES], lost: true };
}
