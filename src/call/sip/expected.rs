//! Whom an incoming call is for: the calls that were asked for on a trunk ("we will call you back") are known, and whatever
//! is not one of them is refused with the code that says why.

use super::address::NameAddr;
use super::message::Message;
use super::uri::Uri;
use crate::vocabulary::target::percent_decoded;

/// A call that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The id of the call that asked for it.
    pub call: String,
    /// Numbers it may come from; empty: any.
    pub from: Vec<String>,
    /// What is keyed or said in it, where that tells it from others.
    pub code: Option<String>,
}

/// What becomes of an incoming call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    Refuse {
        status: u16,
        reason: &'static str,
    },
    /// It is answered for one of these, by their place in the list. Several: the code that comes in it tells.
    Take {
        for_whom: Vec<usize>,
        by: MatchedBy,
    },
}

/// How it was told whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedBy {
    Number,
    /// It was keyed or said.
    Code,
    /// Nothing but that it came in time.
    Time,
}

/// Looks at an INVITE. `ours`: the user parts that we are called by; empty: any. `answering`: incoming calls under way, of
/// which there may be `most`. `expected` stands in the order in which it was asked for.
pub fn rule(invite: &Message, ours: &[String], expected: &[Expectation], answering: usize, most: usize) -> Ruling {
    let refuse = |status, reason| Ruling::Refuse { status, reason };
    let user = invite.request_uri().and_then(user_of).unwrap_or_default();
    if !ours.is_empty() && !ours.iter().any(|our| is_number(our, &user) || our.eq_ignore_ascii_case(&user)) {
        return refuse(404, "Not Found");
    }
    if expected.is_empty() {
        return refuse(480, "Temporarily Unavailable");
    }
    if answering >= most {
        return refuse(486, "Busy Here");
    }
    let callers = callers(invite);
    let is_from = |one: &&usize| {
        let from = &expected[**one].from;
        from.iter().any(|number| callers.iter().any(|caller| is_number(number, caller)))
    };
    let all: Vec<usize> = (0..expected.len()).collect();
    let by_number: Vec<usize> = all.iter().filter(is_from).copied().collect();
    let (fitting, by) = match by_number.is_empty() {
        false => (by_number, MatchedBy::Number),
        true => (all.into_iter().filter(|one| expected[*one].from.is_empty()).collect(), MatchedBy::Time),
    };
    if fitting.is_empty() {
        // Somebody is waited for, and this is somebody else.
        return refuse(603, "Decline");
    }
    // Those without a code cannot be told apart but by who asked first; a code tells its own.
    let first = fitting.iter().copied().find(|one| expected[*one].code.is_none());
    let coded = fitting.into_iter().filter(|one| expected[*one].code.is_some());
    Ruling::Take { for_whom: coded.chain(first).collect(), by }
}

/// Who calls, as the trunk says and as the caller says (RFC 3325 before From).
pub fn callers(invite: &Message) -> Vec<String> {
    let asserted = invite.list("P-Asserted-Identity").filter_map(NameAddr::parse);
    asserted.chain(invite.from()).filter_map(|who| user_of(&who.uri)).collect()
}

fn user_of(uri: &str) -> Option<String> {
    let user = match Uri::parse(uri).ok()? {
        Uri::Sip(sip) => sip.user?,
        Uri::Other { rest, .. } => rest,
    };
    // RFC 3261 §19.1.6: what a number says of its plan (`;phone-context=+86`) is none of its digits.
    let bare = user.split(';').next().unwrap_or(&user);
    let bare = percent_decoded(bare).unwrap_or_else(|| bare.to_string());
    (!bare.eq_ignore_ascii_case("anonymous")).then_some(bare)
}

/// One number in two spellings: with or without the prefixes of a country or a trunk. Short ones are the same or not.
fn is_number(one: &str, other: &str) -> bool {
    const ENOUGH: usize = 7;
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let is_name = |text: &str| text.chars().any(char::is_alphabetic);
    if is_name(one) || is_name(other) {
        return one.eq_ignore_ascii_case(other);
    }
    let (one, other) = (digits(one), digits(other));
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    // The 0 before an area code is dialled inside a country only.
    let bare = short.trim_start_matches('0');
    !short.is_empty() && (short == long || (bare.len() >= ENOUGH && long.ends_with(bare)))
}

/// Digits of what was said, in figures, in Chinese and in English words.
pub fn spoken_digits(text: &str) -> String {
    const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh"];
    let mut digits = String::new();
    let mut word = String::new();
    for c in text.to_lowercase().chars().chain([' ']) {
        if c.is_ascii_alphabetic() {
            word.push(c);
            continue;
        }
        if let Some(value) = WORDS.iter().position(|known| *known == word) {
            digits.push_str(&(value % 10).to_string());
        }
        word.clear();
        let value = "零一二三四五六七八九".chars().position(|known| known == c);
        let other = "〇幺两".chars().position(|known| known == c).map(|at| [0, 1, 2][at]);
        match (c.to_digit(10), value.or(other)) {
            (Some(digit), _) => digits.push_str(&digit.to_string()),
            (None, Some(digit)) => digits.push_str(&digit.to_string()),
            _ => {}
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(to: &str, from: &str, more: &[(&str, &str)]) -> Message {
        let mut invite = Message::request("INVITE", to);
        invite.push("From", from);
        more.iter().for_each(|(name, value)| invite.push(name, value));
        invite
    }

    fn expects(call: &str, from: &[&str], code: Option<&str>) -> Expectation {
        let from = from.iter().map(|number| number.to_string()).collect();
        Expectation { call: call.into(), from, code: code.map(str::to_string) }
    }

    fn take(for_whom: &[usize], by: MatchedBy) -> Ruling {
        Ruling::Take { for_whom: for_whom.to_vec(), by }
    }

    #[test]
    fn what_nobody_asked_for_is_refused_with_its_code() {
        let ours = ["line".to_string()];
        let call = |to: &str, expected: &[Expectation], answering| match rule(
            &invite(to, "<sip:+864008001234@h>;tag=1", &[]),
            &ours,
            expected,
            answering,
            2,
        ) {
            Ruling::Refuse { status, .. } => status,
            Ruling::Take { .. } => 200,
        };
        let anybody = [expects("a", &[], None)];
        assert_eq!(call("sip:nobody@h", &anybody, 0), 404, "we are not called that");
        assert_eq!(call("sip:line@h", &[], 0), 480, "nothing is expected");
        assert_eq!(call("sip:line@h", &anybody, 2), 486, "as many as there may be");
        assert_eq!(call("sip:line@h", &[expects("a", &["+8610"], None)], 0), 603, "somebody else is expected");
        assert_eq!(call("sip:line@h", &anybody, 1), 200);
    }

    /// By `tel:` and with all that carriers hang on it.
    #[test]
    fn we_are_called_by_our_number_however_it_is_written() {
        let ours = ["+862100000001".to_string()];
        for to in [
            "sip:+862100000001@h;user=phone",
            "sip:%2B862100000001@h",
            "sip:02100000001;phone-context=+86@h",
            "tel:+86-21-0000-0001",
            "tel:2100000001;phone-context=+86;isub=1",
        ] {
            let call = invite(to, "<tel:400-800-1234;phone-context=+86>;tag=1", &[]);
            let ruling = rule(&call, &ours, &[expects("a", &["4008001234"], None)], 0, 2);
            assert_eq!(ruling, take(&[0], MatchedBy::Number), "{to}");
        }
        let other = invite("tel:+862100000002", "<sip:4008001234@h>;tag=1", &[]);
        assert!(matches!(rule(&other, &ours, &[], 0, 2), Ruling::Refuse { status: 404, .. }));
    }

    #[test]
    fn whom_a_call_is_for_is_told_by_its_number_then_by_time() {
        let from = |number: &str| invite("sip:line@h", &format!("<sip:{number}@h>;tag=1"), &[]);
        let expected =
            [expects("a", &["4008001234"], None), expects("b", &["+862161234567"], None), expects("c", &[], None)];
        let rule = |invite: &Message| rule(invite, &[], &expected, 0, 4);
        assert_eq!(rule(&from("+864008001234")), take(&[0], MatchedBy::Number));
        assert_eq!(rule(&from("02161234567")), take(&[1], MatchedBy::Number));
        assert_eq!(rule(&from("13900000000")), take(&[2], MatchedBy::Time));
        assert_eq!(rule(&from("anonymous")), take(&[2], MatchedBy::Time));
        let asserted = [("P-Asserted-Identity", "<tel:+86-400-800-1234>")];
        let hidden = invite("sip:line@h", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1", &asserted);
        assert_eq!(rule(&hidden), take(&[0], MatchedBy::Number), "the trunk knows who it is");
    }

    #[test]
    fn calls_from_one_number_are_told_apart_by_their_code_or_by_who_asked_first() {
        let number = &["4001"][..];
        let call = invite("sip:line@h", "<sip:4001@h>;tag=1", &[]);
        let coded = [expects("a", number, Some("11")), expects("b", number, Some("22"))];
        assert_eq!(rule(&call, &[], &coded, 0, 4), take(&[0, 1], MatchedBy::Number));
        let plain = [expects("a", number, None), expects("b", number, None)];
        assert_eq!(rule(&call, &[], &plain, 0, 4), take(&[0], MatchedBy::Number));
        let mixed = [expects("a", number, None), expects("b", number, Some("22"))];
        assert_eq!(rule(&call, &[], &mixed, 0, 4), take(&[1, 0], MatchedBy::Number), "the code first, else who asked");
    }

    #[test]
    fn numbers_are_one_in_their_spellings_and_short_ones_are_what_they_are() {
        for (one, other, same) in [
            ("+864008001234", "4008001234", true),
            ("+862161234567", "02161234567", true),
            ("4001", "4001", true),
            ("4001", "94001", false),
            ("1234567", "7654321", false),
            ("alice", "Alice", true),
            ("alice", "4001", false),
            ("", "", false),
        ] {
            assert_eq!(is_number(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn digits_are_read_out_of_what_was_said() {
        for (text, digits) in [
            ("Your code is 4 7 1 1.", "4711"),
            ("your code is four seven one one", "4711"),
            ("您的验证码是四七幺幺", "4711"),
            ("someone", ""),
            ("two oh", "20"),
        ] {
            assert_eq!(spoken_digits(text), digits, "{text}");
        }
    }
}
