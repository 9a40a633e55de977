//! Whom to call. An emergency or premium number cannot be constructed: there is no value that holds one.
//!
//! Numbers: `domain.md` §9 of the founding notes, i.e. State Council text for 110/119/120/122, national practice for the rest.
//! The refusal is by the digits that would be dialled, after every spelling of them was undone, and comes before
//! any allow list.

use std::fmt;
use std::str::FromStr;

/// Emergency numbers refused wherever they stand: as `tel:`, and as the user part of any SIP URI.
const EMERGENCY: &[&str] = &["110", "119", "120", "122", "12110", "12395", "999", "911", "933", "112", "000", "988"];

/// Short codes that are emergency numbers in some country and ordinary extensions inside many a PBX: refused as a
/// telephone number, allowed as the user part of a SIP URI at a named host (`sip:100@pbx.example`).
const EMERGENCY_SOMEWHERE: &[&str] = &[
    "111", "113", "115", "117", "118", "15", "17", "18", "100", "101", "102", "106", "108", "116", "123", "190", "191",
    "192", "193", "194", "197", "198", "199", "997", "998", "1122",
];

/// Premium rate, by the digits after the country code was resolved (prefix).
const PREMIUM_NATIONAL: &[&str] = &["0900", "09001", "09003", "09005", "1900", "118", "0190", "0906", "0909", "0911"];

/// Premium rate and satellite, in international form without the plus (prefix).
const PREMIUM_INTERNATIONAL: &[&str] = &[
    "1900", "49900", "49118", "449", "44118", "44871", "44872", "44873", "4387", "4390", "41900", "41901", "41906",
    "3389", "31900", "31906", "31909", "8610900", "81990",
    // Satellite and international premium: Inmarsat, GMSS, shared-revenue networks.
    "870", "881", "882", "883", "979",
];

/// A hotline's address: a telephone number or a SIP URI. The only way to one is through the number guard (`parse`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(Address);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Address {
    Tel(String),
    Sip { secure: bool, user: String, host: String, port: Option<u16>, params: Vec<(String, Option<String>)> },
}

/// What a target says, to look at: nothing becomes a target out of it.
#[derive(Clone, Copy, Debug)]
pub enum View<'t> {
    /// Digits with an optional leading `+`; needs a trunk.
    Tel(&'t str),
    Sip {
        /// `sips:`: by TLS and nothing else.
        secure: bool,
        user: &'t str,
        host: &'t str,
        port: Option<u16>,
        params: &'t [(String, Option<String>)],
    },
}

/// Why a target was refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{0} is an emergency number; nightbell never dials one, and no setting changes that")]
    Emergency(String),
    #[error("{0} is a premium-rate or satellite number; nightbell never dials one, and no setting changes that")]
    Premium(String),
    #[error("'{0}' is not a target; write sip:USER@HOST[:PORT] or tel:+NUMBER")]
    Malformed(String),
}

impl Target {
    /// What it says.
    pub fn view(&self) -> View<'_> {
        match &self.0 {
            Address::Tel(number) => View::Tel(number),
            Address::Sip { secure, user, host, port, params } => {
                View::Sip { secure: *secure, user, host, port: *port, params }
            }
        }
    }

    /// The user part or number, as dialled.
    pub fn user(&self) -> &str {
        match self.view() {
            View::Tel(number) => number,
            View::Sip { user, .. } => user,
        }
    }

    /// True when this reaches only this machine.
    pub fn is_loopback(&self) -> bool {
        match self.view() {
            View::Tel(_) => false,
            View::Sip { host, .. } => is_loopback_host(host),
        }
    }
}

/// `127.0.0.0/8`, `[::1]` and `localhost`.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl FromStr for Target {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Target, Refused> {
        let text = text.trim();
        let malformed = || Refused::Malformed(text.to_string());
        let (scheme, rest) = text.split_once(':').ok_or_else(malformed)?;
        match scheme.to_ascii_lowercase().as_str() {
            "tel" => {
                let number = rest.split(';').next().unwrap_or_default();
                let digits = dialled_digits(number);
                let symbols_ok = number.chars().enumerate().all(|(i, c)| {
                    dialled_digit(c).is_some() || "-. ()".contains(c) || (c == '+' && i == 0) || c == '\u{ff0b}'
                });
                if digits.trim_start_matches('+').is_empty() || !symbols_ok {
                    return Err(malformed());
                }
                guard_number(&digits, text)?;
                Ok(Target(Address::Tel(digits)))
            }
            scheme @ ("sip" | "sips") => {
                let rest = rest.split('?').next().unwrap_or_default();
                let (user, place) = rest.rsplit_once('@').ok_or_else(malformed)?;
                let user = percent_decoded(user.split(':').next().unwrap_or_default()).ok_or_else(malformed)?;
                let mut parts = place.split(';');
                let (host, port) = host_and_port(parts.next().unwrap_or_default()).ok_or_else(malformed)?;
                let params: Vec<(String, Option<String>)> = parts
                    .filter(|p| !p.is_empty())
                    .map(|p| match p.split_once('=') {
                        Some((name, value)) => (name.to_ascii_lowercase(), Some(value.to_string())),
                        None => (p.to_ascii_lowercase(), None),
                    })
                    .collect();
                if user.is_empty() || user.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"".contains(c)) {
                    return Err(malformed());
                }
                let is_phone = params.iter().any(|(n, v)| n == "user" && v.as_deref() == Some("phone"));
                guard_user(&user, is_phone, text)?;
                Ok(Target(Address::Sip { secure: scheme == "sips", user, host, port, params }))
            }
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.view() {
            View::Tel(number) => write!(f, "tel:{number}"),
            View::Sip { secure, user, host, port, params } => {
                let scheme = if secure { "sips" } else { "sip" };
                write!(f, "{scheme}:{}@{host}", percent_encoded(user))?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                for (name, value) in params {
                    match value {
                        Some(value) => write!(f, ";{name}={value}")?,
                        None => write!(f, ";{name}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

/// Emergency numbers that keys must not spell to a menu that dials on.
const EMERGENCY_KEYS: &[&str] = &["110", "119", "120", "122", "112", "911", "999", "000"];

/// A run of keys that is an emergency number, also behind the digit for an outside line.
pub fn spells_emergency(keys: &str) -> bool {
    let digits = digits_of(keys);
    let outside =
        || digits.strip_prefix(['9', '0']).is_some_and(|rest| rest != "000" && EMERGENCY_KEYS.contains(&rest));
    EMERGENCY_KEYS.contains(&digits.as_str()) || outside()
}

/// Keys pressed in several runs to a hotline that answered none of them are one row to whatever collects them:
/// the last run may neither be an emergency number nor complete one that the runs before it began.
pub fn row_spells_emergency<'k>(runs: impl IntoIterator<Item = &'k str>) -> Option<&'static str> {
    let mut row = String::new();
    let mut spelled = None;
    for run in runs {
        let run = digits_of(run);
        let whole = EMERGENCY_KEYS.iter().find(|code| run.ends_with(**code)).filter(|_| spells_emergency(&run));
        // An extension of its own ("1101") is none; "1", then "101" is, at its third digit.
        let completed = (1..=run.len()).find_map(|n| {
            let so_far = format!("{row}{}", &run[..n]);
            EMERGENCY_KEYS.iter().find(|code| so_far.ends_with(**code) && n < code.len())
        });
        spelled = whole.or(completed).copied();
        row.push_str(&run);
    }
    spelled
}

fn digits_of(keys: &str) -> String {
    keys.chars().filter(char::is_ascii_digit).collect()
}

fn guard_number(digits: &str, shown: &str) -> Result<(), Refused> {
    guard_user(digits, true, shown)
}

/// `as_number`: this will be dialled as a telephone number; otherwise it may be an extension of a PBX.
fn guard_user(user: &str, as_number: bool, shown: &str) -> Result<(), Refused> {
    // RFC 5031: urn:service:sos, also spelled as a user part.
    if user.eq_ignore_ascii_case("sos") || user.to_ascii_lowercase().contains("service:sos") {
        return Err(Refused::Emergency(shown.to_string()));
    }
    // RFC 3261 §19.1.6: parameters of the number stand inside the user part (`120;phone-context=+86`).
    let digits = dialled_digits(user.split(';').next().unwrap_or_default());
    let bare: &str = digits.trim_start_matches('+');
    if bare.is_empty() {
        return Ok(());
    }
    for spelled in spellings(bare, digits.starts_with('+')) {
        if EMERGENCY.contains(&spelled.as_str()) || (as_number && EMERGENCY_SOMEWHERE.contains(&spelled.as_str())) {
            return Err(Refused::Emergency(shown.to_string()));
        }
    }
    let international =
        if digits.starts_with('+') { Some(bare) } else { bare.strip_prefix("00").or_else(|| bare.strip_prefix("011")) };
    let premium = match international {
        Some(number) => number.len() >= 7 && PREMIUM_INTERNATIONAL.iter().any(|p| number.starts_with(p)),
        None => {
            let long_enough = bare.len() >= 7 || (as_number && bare.starts_with("118") && bare.len() >= 5);
            long_enough && PREMIUM_NATIONAL.iter().any(|p| bare.starts_with(p))
        }
    };
    if premium { Err(Refused::Premium(shown.to_string())) } else { Ok(()) }
}

/// The ways a short code is hidden: country code, trunk prefix, area code of one's own city, an outside-line digit.
fn spellings(bare: &str, plus: bool) -> Vec<String> {
    let mut all = vec![bare.to_string()];
    let stripped: &[&str] = if plus {
        &["86", "1", "44", "49", "33", "81", "82", "852", "853", "886", "91", "61"]
    } else {
        &["0086", "86", "00", "0", "9", "8", "90", "01186"]
    };
    for prefix in stripped {
        if let Some(rest) = bare.strip_prefix(prefix)
            && rest.len() >= 3
        {
            all.push(rest.to_string());
        }
    }
    // A Chinese area code in front (010-110, +86 10 110): 010, 02x or 0xxx and exactly an emergency code behind.
    let national = bare.strip_prefix("0086").or_else(|| bare.strip_prefix("86")).unwrap_or(bare);
    let national = national.strip_prefix('0').unwrap_or(national);
    for area in [2, 3] {
        if national.len() > area && (plus || bare.starts_with('0')) {
            let rest = &national[area..];
            if ["110", "119", "120", "122"].contains(&rest) {
                all.push(rest.to_string());
            }
        }
    }
    all
}

/// Digits as a switch would read them: full-width forms, separators and visual marks undone.
fn dialled_digits(text: &str) -> String {
    let mut digits = String::new();
    for (i, c) in text.chars().enumerate() {
        if (c == '+' || c == '\u{ff0b}') && i == 0 {
            digits.push('+');
        } else if let Some(d) = dialled_digit(c) {
            digits.push(d);
        } else if !"-. ()/".contains(c) {
            // A user part with letters ("sales1") is a name, not a number.
            return String::new();
        }
    }
    digits
}

fn dialled_digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(c as u32 - 0xff10, 10),
        '\u{0660}'..='\u{0669}' => char::from_digit(c as u32 - 0x0660, 10),
        '\u{06f0}'..='\u{06f9}' => char::from_digit(c as u32 - 0x06f0, 10),
        _ => None,
    }
}

fn host_and_port(place: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (format!("[{address}]"), after.strip_prefix(':').map(str::to_string))
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host.to_string(), Some(port.to_string())),
            None => (place.to_string(), None),
        }
    };
    let host_ok = host.starts_with('[')
        || (!host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)));
    let port = match port {
        None => None,
        Some(text) => Some(text.parse::<u16>().ok().filter(|&p| p != 0)?),
    };
    host_ok.then_some((host, port))
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = (rest.next()? as char).to_digit(16)?;
            let low = (rest.next()? as char).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// RFC 3261 §25.1: `user = 1*( unreserved / escaped / user-unreserved )`.
pub(crate) fn percent_encoded(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emergency_numbers_cannot_be_constructed_in_any_spelling() {
        for text in [
            "tel:110",
            "tel:+86110",
            "tel:119",
            "tel:120",
            "tel:122",
            "tel:12110",
            "tel:12395",
            "tel:999",
            "tel:911",
            "tel:112",
            "tel:000",
            "tel:1-1-0",
            "tel:(110)",
            "tel:１１０",
            "tel:9110",
            "tel:0110",
            "tel:010110",
            "tel:+8610110",
            "tel:021119",
            "tel:00861 10",
            "tel:100",
            "tel:988",
            "tel:118",
            "tel:110;phone-context=+86",
            "sip:110@127.0.0.1",
            "sip:911@pbx.example",
            "sip:%31%31%30@127.0.0.1",
            "sip:+86110@sbc.example",
            "sip:110:pw@h.example",
            "sip:101@sbc.example;user=phone",
            "sip:sos@example.com",
            "SIP:9911@pbx.example",
            "sips:911@pbx.example",
        ] {
            assert!(
                matches!(text.parse::<Target>(), Err(Refused::Emergency(_))),
                "{text}: {:?}",
                text.parse::<Target>()
            );
        }
    }

    #[test]
    fn premium_and_satellite_numbers_cannot_be_constructed() {
        for text in [
            "tel:+19005551234",
            "tel:0900123456",
            "tel:11833",
            "tel:+881612345678",
            "tel:00870773123456",
            "sip:+19005551234@sbc.example",
            "tel:+4490912345678",
            "sip:0900123456@sbc.example",
        ] {
            assert!(matches!(text.parse::<Target>(), Err(Refused::Premium(_))), "{text}: {:?}", text.parse::<Target>());
        }
    }

    #[test]
    fn a_row_of_keys_spells_an_emergency_number_however_it_is_cut() {
        let row = |runs: &[&str]| row_spells_emergency(runs.iter().copied());
        for runs in [
            &["110"][..],
            &["1", "1", "0"],
            &["1", "10"],
            &["11", "0"],
            &["5", "1", "1", "0"],
            &["51", "10"],
            &["9", "9", "9"],
            &["9", "911"],
            &["9110"],
            &["1", "1", "0#"],
            &["1*1", "0"],
            &["1", "101"],
            &["0", "0", "0"],
        ] {
            assert!(row(runs).is_some(), "{runs:?}");
        }
        for runs in [
            &["1"][..],
            &["1", "1"],
            &["1101"],
            &["5110"],
            &["1000"],
            &["9000"],
            &["1", "3", "0"],
            &["5551234#"],
            &["62251103119#"],
        ] {
            assert_eq!(row(runs), None, "{runs:?}");
        }
    }

    #[test]
    fn ordinary_targets_are_read_and_written_again() {
        for (text, shown) in [
            ("tel:+864008001234", "tel:+864008001234"),
            ("tel:+86-400-800-1234", "tel:+864008001234"),
            ("tel:12345", "tel:12345"),
            ("sip:100@pbx.example:5060", "sip:100@pbx.example:5060"),
            ("sip:4001@127.0.0.1", "sip:4001@127.0.0.1"),
            ("sip:john.doe@h.example", "sip:john.doe@h.example"),
            ("sip:1@[::1]:5070;transport=udp", "sip:1@[::1]:5070;transport=udp"),
            ("sip:sales1@h.example", "sip:sales1@h.example"),
            ("SIPS:1@h.example;transport=tcp", "sips:1@h.example;transport=tcp"),
            ("tel:95588", "tel:95588"),
            ("tel:+18005551234", "tel:+18005551234"),
        ] {
            assert_eq!(text.parse::<Target>().map(|t| t.to_string()), Ok(shown.to_string()), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_what_to_write() {
        for text in [
            "",
            "4001",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:0",
            "sip:a@h:99999",
            "sip:a@h o",
            "tel:",
            "tel:+",
            "tel:abc",
            "http://x",
            "sip:a b@h",
            "sip:a@[zz]",
            "sip:%zz@h",
        ] {
            assert!(matches!(text.parse::<Target>(), Err(Refused::Malformed(_))), "{text}");
        }
    }
}
