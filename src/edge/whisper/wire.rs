//! What goes between the caller's process and a worker's: a length, then that many bytes.
//!
//! A request is a JSON head and the samples; a reply is JSON. The first reply, before any request, says that the model
//! is loaded.

use crate::hearing::words::RawHearing;
use crate::vocabulary::Lang;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Longest frame either side accepts: a minute of 16 kHz sound, twice over.
const FRAME_BYTES_MAX: usize = 4 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestHead {
    pub id: u64,
    /// Samples a second: 8000 or 16000.
    pub rate: u32,
    /// The languages it may be, the likeliest first.
    pub langs: Vec<Lang>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub head: RequestHead,
    pub samples: Vec<i16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The model is loaded.
    Ready {
        model: String,
    },
    /// The model could not be loaded: no use in trying again.
    Unfit {
        complaint: String,
    },
    Heard {
        id: u64,
        hearing: RawHearing,
    },
    Failed {
        id: u64,
        complaint: String,
    },
}

impl Request {
    pub fn bytes(&self) -> Vec<u8> {
        let head = serde_json::to_vec(&self.head).expect("a head is plain data");
        let mut payload = (head.len() as u32).to_le_bytes().to_vec();
        payload.extend(head);
        payload.extend(self.samples.iter().flat_map(|s| s.to_le_bytes()));
        framed(payload)
    }

    pub fn read(payload: &[u8]) -> io::Result<Request> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a request that cannot be read");
        let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(broken)?;
        let (head, sound) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(broken)?;
        let head = serde_json::from_slice(head).map_err(|_| broken())?;
        let samples = sound.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        Ok(Request { head, samples })
    }
}

impl Reply {
    pub fn bytes(&self) -> Vec<u8> {
        framed(serde_json::to_vec(self).expect("a reply is plain data"))
    }

    pub fn read(payload: &[u8]) -> io::Result<Reply> {
        serde_json::from_slice(payload).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}

fn framed(payload: Vec<u8>) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.extend(payload);
    frame
}

/// The length of the frame that follows.
pub fn frame_length(bytes: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(bytes) as usize;
    if length <= FRAME_BYTES_MAX {
        Ok(length)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")))
    }
}

/// One frame's payload; `None` at the end of the stream.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut payload = vec![0; frame_length(length)?];
    from.read_exact(&mut payload)?;
    Ok(Some(payload))
}

pub fn write_frame(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    to.write_all(frame)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_survive_the_wire() {
        let request = Request {
            head: RequestHead { id: 7, rate: 8000, langs: vec![Lang::Zh, Lang::En] },
            samples: vec![0, -1, i16::MAX, i16::MIN],
        };
        let bytes = request.bytes();
        let payload = read_frame(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!(Request::read(&payload).unwrap(), request);
        let reply = Reply::Heard { id: 7, hearing: RawHearing { audio_s: 1.5, ..Default::default() } };
        let bytes = reply.bytes();
        let payload = read_frame(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!(Reply::read(&payload).unwrap(), reply);
        assert_eq!(read_frame(&mut &[][..]).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_not_a_panic() {
        for bytes in [&b"\xff\xff\xff\xff"[..], b"\x05\0\0\0ab", b"\x01"] {
            let read = read_frame(&mut &bytes[..]);
            assert!(read.is_err() || bytes.len() < 4, "{bytes:?}");
        }
        for payload in [&b""[..], b"\x01", b"\xff\0\0\0{}", b"\x02\0\0\0{}"] {
            assert!(Request::read(payload).is_err(), "{payload:?}");
        }
    }
}
