//! A SIP message as it stood on the wire.

/// A SIP request or response.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    raw: Vec<u8>,
}

/// Why bytes are no SIP message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing but line ends: a keep-alive (RFC 5626 §4.4.1).
    #[error("nothing but line ends")]
    Empty,
}

/// Reads one datagram.
pub fn read(bytes: &[u8]) -> Result<Message, ReadError> {
    Ok(Message { raw: bytes.to_vec() })
}

/// The message as it goes on the wire.
pub fn write(message: &Message) -> Vec<u8> {
    message.raw.clone()
}

impl Message {
    /// The method, when this is a request.
    pub fn method(&self) -> Option<&str> {
        None
    }

    /// The status, when this is a response.
    pub fn status(&self) -> Option<u16> {
        None
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        None
    }

    /// The first header of this name, compact forms included, whatever its case.
    pub fn header(&self, _name: &str) -> Option<&str> {
        None
    }

    /// The Request-URI as written.
    pub fn request_uri(&self) -> Option<&str> {
        None
    }

    /// The body, clipped to Content-Length.
    pub fn body(&self) -> &[u8] {
        &[]
    }

    /// The body when it is of type `application/sdp`.
    pub fn sdp(&self) -> Option<&[u8]> {
        None
    }
}
