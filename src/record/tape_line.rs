//! What stands on a tape: what reached the caller, what the caller did, and their bytes.

use super::tape::Entry;
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::net::SocketAddr;

/// What reached the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapeInput<'a> {
    Sip {
        from: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    Rtp {
        from: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    Rtcp {
        from: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    /// What came back from transcription, as JSON of `Result<RawHearing, String>`: see `heard` and `heard_as`.
    Heard {
        clip: u32,
        json: Cow<'a, [u8]>,
    },
    Unreachable {
        detail: Cow<'a, str>,
    },
    /// A connection of the signalling is gone.
    Lost {
        peer: SocketAddr,
        detail: Cow<'a, str>,
    },
    /// The known prompts that what was being said may have been: see `known_prompts::bytes_of`.
    Recalled {
        prompts: Cow<'a, [u8]>,
    },
    Interrupt {
        why: Cow<'a, str>,
    },
    /// What is told of a call back that is waited for, as JSON of `journey::callback::Back`.
    CalledBack {
        json: Cow<'a, [u8]>,
    },
    /// Whether another target may be called in the course of this call, as JSON of `record::replay::Permit`.
    Permit {
        json: Cow<'a, [u8]>,
    },
    Tick,
    /// A sound file that a `say` step plays, loaded before the call: 8 kHz, 16 bits, little-endian.
    Sound {
        name: Cow<'a, str>,
        samples: Cow<'a, [u8]>,
    },
}

/// What the caller did about it: kept so that a replay can say where it first differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapeOutput<'a> {
    Sip {
        to: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    Rtp {
        to: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    Rtcp {
        to: SocketAddr,
        bytes: Cow<'a, [u8]>,
    },
    /// A key was pressed, as text.
    Key(Cow<'a, str>),
    /// A trace event in its text form.
    Event(Cow<'a, str>),
    /// Anything else, as text.
    Note(Cow<'a, str>),
}

/// One entry, either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    In(TapeInput<'a>),
    Out(TapeOutput<'a>),
    /// Written by a newer nightbell, or unreadable inside a sound frame.
    Unknown,
}

impl TapeInput<'_> {
    pub fn heard<T: Serialize>(clip: u32, result: &Result<T, String>) -> TapeInput<'static> {
        let json = serde_json::to_vec(result).unwrap_or_default();
        TapeInput::Heard { clip, json: Cow::Owned(json) }
    }

    /// The result of a `Heard`; `None` for other inputs and for what cannot be read.
    pub fn heard_as<T: DeserializeOwned>(&self) -> Option<Result<T, String>> {
        match self {
            TapeInput::Heard { json, .. } => serde_json::from_slice(json).ok(),
            _ => None,
        }
    }

    pub fn sound(name: &str, samples: &[i16]) -> TapeInput<'static> {
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        TapeInput::Sound { name: Cow::Owned(name.to_string()), samples: Cow::Owned(bytes) }
    }

    /// The samples of a `Sound`.
    pub fn samples(bytes: &[u8]) -> Vec<i16> {
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    pub(super) fn kind(&self) -> u8 {
        match self {
            TapeInput::Sip { .. } => 1,
            TapeInput::Rtp { .. } => 2,
            TapeInput::Rtcp { .. } => 3,
            TapeInput::Heard { .. } => 4,
            TapeInput::Unreachable { .. } => 5,
            TapeInput::Interrupt { .. } => 6,
            TapeInput::Tick => 7,
            TapeInput::Sound { .. } => 8,
            TapeInput::Lost { .. } => 9,
            TapeInput::Recalled { .. } => 10,
            TapeInput::Permit { .. } => 11,
            TapeInput::CalledBack { .. } => 12,
        }
    }

    pub(super) fn put(&self, into: &mut Vec<u8>) {
        match self {
            TapeInput::Sip { from, bytes } | TapeInput::Rtp { from, bytes } | TapeInput::Rtcp { from, bytes } => {
                put_address(*from, into);
                into.extend_from_slice(bytes);
            }
            TapeInput::Heard { clip, json } => {
                into.extend_from_slice(&clip.to_le_bytes());
                into.extend_from_slice(json);
            }
            TapeInput::Unreachable { detail: text } | TapeInput::Interrupt { why: text } => {
                into.extend_from_slice(text.as_bytes());
            }
            TapeInput::Lost { peer, detail } => {
                put_address(*peer, into);
                into.extend_from_slice(detail.as_bytes());
            }
            TapeInput::Recalled { prompts } => into.extend_from_slice(prompts),
            TapeInput::Permit { json } | TapeInput::CalledBack { json } => into.extend_from_slice(json),
            TapeInput::Tick => {}
            TapeInput::Sound { name, samples } => {
                into.push(name.len().min(255) as u8);
                into.extend_from_slice(&name.as_bytes()[..name.len().min(255)]);
                into.extend_from_slice(samples);
            }
        }
    }
}

impl TapeOutput<'_> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            TapeOutput::Sip { .. } => 65,
            TapeOutput::Rtp { .. } => 66,
            TapeOutput::Rtcp { .. } => 67,
            TapeOutput::Key(_) => 68,
            TapeOutput::Event(_) => 69,
            TapeOutput::Note(_) => 70,
        }
    }

    pub(super) fn put(&self, into: &mut Vec<u8>) {
        match self {
            TapeOutput::Sip { to, bytes } | TapeOutput::Rtp { to, bytes } | TapeOutput::Rtcp { to, bytes } => {
                put_address(*to, into);
                into.extend_from_slice(bytes);
            }
            TapeOutput::Key(text) | TapeOutput::Event(text) | TapeOutput::Note(text) => {
                into.extend_from_slice(text.as_bytes());
            }
        }
    }
}

impl<'a> Entry<'a> {
    /// The entry as what it is.
    pub fn line(&self) -> Line<'a> {
        self.input().map(Line::In).or_else(|| self.output().map(Line::Out)).unwrap_or(Line::Unknown)
    }

    pub fn input(&self) -> Option<TapeInput<'a>> {
        let payload = self.payload;
        Some(match self.kind {
            1..=3 => {
                let (from, bytes) = take_address(payload)?;
                let bytes = Cow::Borrowed(bytes);
                match self.kind {
                    1 => TapeInput::Sip { from, bytes },
                    2 => TapeInput::Rtp { from, bytes },
                    _ => TapeInput::Rtcp { from, bytes },
                }
            }
            4 => {
                let (clip, json) = payload.split_first_chunk::<4>()?;
                TapeInput::Heard { clip: u32::from_le_bytes(*clip), json: Cow::Borrowed(json) }
            }
            5 => TapeInput::Unreachable { detail: Cow::Borrowed(std::str::from_utf8(payload).ok()?) },
            6 => TapeInput::Interrupt { why: Cow::Borrowed(std::str::from_utf8(payload).ok()?) },
            7 if payload.is_empty() => TapeInput::Tick,
            8 => {
                let (&length, rest) = payload.split_first()?;
                let (name, samples) = rest.split_at_checked(usize::from(length))?;
                TapeInput::Sound {
                    name: Cow::Borrowed(std::str::from_utf8(name).ok()?),
                    samples: Cow::Borrowed(samples),
                }
            }
            9 => {
                let (peer, detail) = take_address(payload)?;
                TapeInput::Lost { peer, detail: Cow::Borrowed(std::str::from_utf8(detail).ok()?) }
            }
            10 => TapeInput::Recalled { prompts: Cow::Borrowed(payload) },
            11 => TapeInput::Permit { json: Cow::Borrowed(payload) },
            12 => TapeInput::CalledBack { json: Cow::Borrowed(payload) },
            _ => return None,
        })
    }

    pub fn output(&self) -> Option<TapeOutput<'a>> {
        let payload = self.payload;
        Some(match self.kind {
            65..=67 => {
                let (to, bytes) = take_address(payload)?;
                let bytes = Cow::Borrowed(bytes);
                match self.kind {
                    65 => TapeOutput::Sip { to, bytes },
                    66 => TapeOutput::Rtp { to, bytes },
                    _ => TapeOutput::Rtcp { to, bytes },
                }
            }
            68 => TapeOutput::Key(Cow::Borrowed(std::str::from_utf8(payload).ok()?)),
            69 => TapeOutput::Event(Cow::Borrowed(std::str::from_utf8(payload).ok()?)),
            70 => TapeOutput::Note(Cow::Borrowed(std::str::from_utf8(payload).ok()?)),
            _ => return None,
        })
    }
}

/// One byte 4 or 6, the address, the port.
fn put_address(address: SocketAddr, into: &mut Vec<u8>) {
    match address {
        SocketAddr::V4(v4) => {
            into.push(4);
            into.extend_from_slice(&v4.ip().octets());
        }
        SocketAddr::V6(v6) => {
            into.push(6);
            into.extend_from_slice(&v6.ip().octets());
        }
    }
    into.extend_from_slice(&address.port().to_le_bytes());
}

fn take_address(payload: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (&family, rest) = payload.split_first()?;
    let (ip, rest): (std::net::IpAddr, &[u8]) = match family {
        4 => {
            let (octets, rest) = rest.split_first_chunk::<4>()?;
            ((*octets).into(), rest)
        }
        6 => {
            let (octets, rest) = rest.split_first_chunk::<16>()?;
            ((*octets).into(), rest)
        }
        _ => return None,
    };
    let (port, rest) = rest.split_first_chunk::<2>()?;
    Some((SocketAddr::new(ip, u16::from_le_bytes(*port)), rest))
}
