//! Why it ended, as the far side says: the Reason header of requests (RFC 3326) and of responses (RFC 6432), Retry-After,
//! and the way from Q.850 causes to statuses (RFC 3398 §8.2.6.1).

use super::address::Params;
use super::message::Message;

/// One value of a Reason header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `Q.850`, `SIP`, … in upper case.
    pub protocol: String,
    pub cause: Option<u16>,
    pub text: Option<String>,
}

/// Every readable value of the Reason headers.
pub fn reasons(message: &Message) -> Vec<Reason> {
    let read = |value: &str| {
        // The protocol is a token: the first semicolon ends it.
        let (protocol, params) = value.split_once(';').unwrap_or((value, ""));
        let params = Params::parse(params)?;
        let cause = params.get("cause").and_then(|cause| cause.trim().parse().ok());
        Some(Reason { protocol: protocol.trim().to_ascii_uppercase(), cause, text: params.get("text") })
    };
    message.list("Reason").filter_map(read).collect()
}

/// The Q.850 cause, which says more than the status (RFC 6432 §4).
pub fn q850(message: &Message) -> Option<u16> {
    reasons(message).into_iter().find(|r| r.protocol == "Q.850").and_then(|r| r.cause).filter(|&cause| cause <= 127)
}

/// Retry-After in seconds (RFC 3261 §20.33); its comment and parameters are left out.
pub fn retry_after(message: &Message) -> Option<u32> {
    let value = message.header("Retry-After")?;
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The Reason header for a cause.
pub fn q850_header(cause: u16) -> String {
    format!("Q.850;cause={cause}")
}

/// RFC 3398 §8.2.6.1: the status a gateway gives for a cause.
pub fn status_of_q850(cause: u16) -> (u16, &'static str) {
    match cause {
        1..=3 => (404, "Not Found"),
        17 => (486, "Busy Here"),
        18 => (408, "Request Timeout"),
        19 | 20 | 31 => (480, "Temporarily Unavailable"),
        21 | 55 | 57 | 87 => (403, "Forbidden"),
        22 => (410, "Gone"),
        27 => (502, "Bad Gateway"),
        28 => (484, "Address Incomplete"),
        34 | 38 | 41 | 42 | 47 => (503, "Service Unavailable"),
        65 | 70 => (488, "Not Acceptable Here"),
        79 => (501, "Not Implemented"),
        102 => (504, "Server Time-out"),
        111 | 127 => (500, "Server Internal Error"),
        _ => (480, "Temporarily Unavailable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_as_they_are_written() {
        for (values, cause, count) in [
            (vec!["Q.850;cause=16;text=\"Normal, clearing; really\""], Some(16), 1),
            (vec!["q.850 ; cause = 17"], Some(17), 1),
            (vec!["SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=31"], Some(31), 2),
            (vec!["SIP;cause=600", "Q.850;cause=34"], Some(34), 2),
            (vec!["Q.850"], None, 1),
            (vec!["Q.850;cause=9999"], None, 1),
            (vec![""], None, 0),
        ] {
            let mut bye = Message::request("BYE", "sip:a@h");
            values.iter().for_each(|value| bye.push("Reason", value));
            assert_eq!((q850(&bye), reasons(&bye).len()), (cause, count), "{values:?}");
        }
    }

    #[test]
    fn retry_after_is_its_number() {
        for (value, seconds) in
            [("120", Some(120)), ("18000;duration=3600", Some(18000)), ("60 (lunch)", Some(60)), ("x", None)]
        {
            let mut response = Message::response(503, "x");
            response.push("Retry-After", value);
            assert_eq!(retry_after(&response), seconds, "{value}");
        }
    }
}
