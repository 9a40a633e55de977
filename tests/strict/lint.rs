//! What every message of ours has to be, whatever the scenario: read from SIPp's own log with nothing of this project's
//! reader, so that a misunderstanding of ours cannot hide behind itself.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub struct Message {
    /// SIPp received it.
    pub ours: bool,
    pub first: String,
    headers: Vec<(String, String)>,
    body: String,
    whole: String,
}

impl Message {
    /// SIPp's log: a line of hyphens, what happened, an empty line, the message.
    pub fn all_of(log: &str) -> Vec<Message> {
        let entries = log.split("-----------------------------------------------").skip(1);
        entries.filter_map(Message::of_entry).collect()
    }

    fn of_entry(entry: &str) -> Option<Message> {
        let (told, text) = entry.split_once("\n\n").or_else(|| entry.split_once(":\n"))?;
        let ours = told.contains("message received");
        if !ours && !told.contains("message sent") {
            return None;
        }
        // What SIPp adds behind a message is a line of its own.
        let whole = text.trim_start_matches('\n').strip_suffix('\n').unwrap_or(text).to_string();
        let (head, body) = whole.split_once("\r\n\r\n").unwrap_or((&whole, ""));
        let mut lines = head.split("\r\n");
        let first = lines.next()?.to_string();
        let headers = lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.to_string(), v.trim().to_string()));
        let (headers, body) = (headers.collect(), body.to_string());
        Some(Message { ours, first, headers, body, whole })
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    fn one(&self, name: &str) -> Result<&str, String> {
        match self.all(name)[..] {
            [one] => Ok(one),
            ref other => Err(format!("{} has {} {name} headers", self.first, other.len())),
        }
    }

    fn is_request(&self) -> bool {
        !self.first.starts_with("SIP/2.0 ")
    }

    fn method(&self) -> &str {
        match self.is_request() {
            true => self.first.split(' ').next().unwrap_or_default(),
            false => self.all("CSeq").first().and_then(|cseq| cseq.split(' ').nth(1)).unwrap_or_default(),
        }
    }

    fn status(&self) -> u16 {
        if self.is_request() { 0 } else { self.first.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0) }
    }

    fn cseq(&self) -> Result<u32, String> {
        let cseq = self.one("CSeq")?;
        cseq.split(' ').next().and_then(|n| n.parse().ok()).ok_or_else(|| format!("CSeq is {cseq}"))
    }

    fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
        let behind = value.rsplit_once('>').map_or(value, |(_, params)| params);
        behind
            .split(';')
            .skip(usize::from(behind.len() == value.len()))
            .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
    }

    fn tag(&self, header: &str) -> Option<&str> {
        self.all(header).first().and_then(|value| Message::param(value, "tag"))
    }

    fn branch(&self) -> Option<&str> {
        self.all("Via").first().and_then(|via| Message::param(via, "branch"))
    }
}

/// First lines with the side they came from.
pub fn ladder(messages: &[Message]) -> String {
    let line = |m: &Message| format!("{} {}\n", if m.ours { "->" } else { "     <-" }, m.first);
    messages.iter().map(line).collect()
}

/// Everything that is wrong with what we sent.
pub fn lint(messages: &[Message]) -> Result<(), String> {
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    if !messages.iter().any(|m| m.ours && matches!(m.method(), "BYE" | "ACK")) {
        wrong.insert(format!("the log has no call in it: {} messages", messages.len()));
    }
    for (at, message) in messages.iter().enumerate().filter(|(_, m)| m.ours) {
        let checked = shape(message).and_then(|()| match message.is_request() {
            true => request(message, &messages[..at]),
            false => response(message, &messages[..at]),
        });
        wrong.extend(checked.err());
    }
    wrong.extend(versions(messages).err());
    wrong.extend(sequences(messages).err());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into_iter().collect::<Vec<_>>().join("\n")) }
}

fn fine(is: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if is { Ok(()) } else { Err(why()) }
}

/// RFC 3261 §7, §8.1.1, §20.
fn shape(message: &Message) -> Result<(), String> {
    let first = &message.first;
    for name in ["From", "To", "Call-ID", "CSeq", "Content-Length"] {
        message.one(name)?;
    }
    let head = message.whole.split("\r\n\r\n").next().unwrap_or_default();
    fine(head.matches('\n').count() == head.matches("\r\n").count(), || format!("{first}: a line without CR"))?;
    fine(head.lines().all(|line| !line.trim().is_empty()), || format!("{first}: an empty line"))?;
    let length = message.one("Content-Length")?;
    fine(length == message.body.len().to_string(), || {
        format!("{first}: Content-Length {length} of {}", message.body.len())
    })?;
    fine(message.body.is_empty() || message.one("Content-Type").is_ok(), || format!("{first}: a body of no type"))?;
    fine(message.tag("From").is_some(), || format!("{first}: From has no tag"))?;
    if message.one("Content-Type").is_ok_and(|kind| kind == "application/sdp") {
        description(&message.body).map_err(|why| format!("{first}: {why}"))?;
    }
    Ok(())
}

/// RFC 8866 §5: which lines, in which order.
fn description(body: &str) -> Result<(), String> {
    let lines: Vec<&str> = body.split("\r\n").collect();
    fine(lines.last() == Some(&""), || "the description's last line has no end".into())?;
    let session: String = lines
        .iter()
        .take_while(|l| !l.starts_with("m="))
        .filter_map(|l| l.chars().next())
        .filter(|c| *c != 'a')
        .collect();
    fine(["vosct", "vost"].contains(&session.as_str()), || format!("lines {session} of a session"))?;
    let media = lines.iter().filter(|line| line.starts_with("m=")).count();
    let places = lines.iter().filter(|line| line.starts_with("c=")).count();
    fine(media > 0 && (session.contains('c') || places == media), || "a medium without an address".into())
}

fn request(message: &Message, before: &[Message]) -> Result<(), String> {
    let first = &message.first;
    let words: Vec<&str> = first.split(' ').collect();
    fine(words.len() == 3 && words[2] == "SIP/2.0" && words[1].starts_with("sip:"), || format!("first line {first}"))?;
    fine(message.one("CSeq")?.ends_with(&format!(" {}", words[0])), || format!("{first}: CSeq of another method"))?;
    let unique = message.branch().is_some_and(|branch| branch.starts_with("z9hG4bK") && branch.len() > 20);
    fine(unique, || format!("{first}: its branch"))?;
    fine(message.one("Max-Forwards")? == "70", || format!("{first}: Max-Forwards"))?;
    if ["INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE"].contains(&words[0]) {
        let contact = message.one("Contact")?;
        fine(contact.starts_with("<sip:"), || format!("{first}: Contact {contact}"))?;
    }
    let ours = || before.iter().filter(|m| m.ours && m.is_request());
    let same = ours().filter(|m| m.branch() == message.branch());
    for earlier in same {
        match (earlier.method(), words[0]) {
            // RFC 3261 §9.1, §17.1.1.3.
            ("INVITE", "CANCEL" | "ACK") => {
                let copied = ["From", "Call-ID", "Via"].iter().all(|name| earlier.all(name) == message.all(name));
                let uri = earlier.first.split(' ').nth(1) == Some(words[1]);
                fine(copied && uri && earlier.cseq() == message.cseq(), || format!("{first} is not as its INVITE"))?;
                fine(words[0] == "ACK" || earlier.all("To") == message.all("To"), || format!("{first}: To"))?;
                let refused = |m: &Message| !m.ours && m.method() == "INVITE" && m.status() >= 300;
                let accepted = before.iter().rev().find(|m| !m.ours && m.cseq() == message.cseq() && m.status() >= 200);
                fine(words[0] == "CANCEL" || accepted.is_some_and(refused), || {
                    format!("{first}: a 2xx's ACK has a branch of its own")
                })?;
            }
            ("CANCEL", "ACK") | ("CANCEL", "CANCEL") | ("ACK", "ACK") => {}
            (_, method) if earlier.method() == method => {
                fine(earlier.whole == message.whole, || format!("{first}: repeated, and not the same"))?;
            }
            (other, _) => return Err(format!("{first} has the branch of a {other}")),
        }
    }
    Ok(())
}

/// RFC 3261 §8.2.6.2.
fn response(message: &Message, before: &[Message]) -> Result<(), String> {
    let first = &message.first;
    let theirs =
        |m: &&Message| !m.ours && m.is_request() && m.branch() == message.branch() && m.method() == message.method();
    let request = before.iter().rev().find(theirs).ok_or_else(|| format!("{first} answers nothing"))?;
    for name in ["From", "Call-ID", "CSeq"] {
        fine(request.one(name)? == message.one(name)?, || format!("{first}: {name} is not the request's"))?;
    }
    let (asked, said) = (request.one("To")?, message.one("To")?);
    fine(said.starts_with(asked), || format!("{first}: To {said}"))?;
    fine(message.status() == 100 || message.tag("To").is_some(), || format!("{first}: To has no tag"))?;
    fine(request.all("Via").len() == message.all("Via").len(), || format!("{first}: Via"))?;
    if matches!(message.status(), 200..300) && ["INVITE", "UPDATE"].contains(&message.method()) {
        fine(message.one("Contact")?.starts_with("<sip:"), || format!("{first}: Contact"))?;
    }
    if message.status() == 405 {
        message.one("Allow")?;
    }
    Ok(())
}

/// RFC 3264 §8: another description has the next version, the same has the same.
fn versions(messages: &[Message]) -> Result<(), String> {
    let mut last: BTreeMap<String, (String, u64, String)> = BTreeMap::new();
    for message in messages.iter().filter(|m| m.ours && m.body.starts_with("v=0")) {
        let origin = message.body.split("\r\n").nth(1).unwrap_or_default().to_string();
        let words: Vec<&str> = origin.split(' ').collect();
        let version: u64 = words.get(2).and_then(|v| v.parse().ok()).ok_or_else(|| format!("origin {origin}"))?;
        let session = words[1].to_string();
        let rest = message.body.replacen(&origin, "", 1);
        let call = message.one("Call-ID")?.to_string();
        if let Some((before, number, said)) = last.get(&call) {
            fine(*before == session, || format!("{}: the session has another name", message.first))?;
            let wanted = if *said == rest { *number } else { number + 1 };
            fine(version == wanted, || format!("{}: version {version}, not {wanted}", message.first))?;
        }
        last.insert(call, (session, version, rest));
    }
    Ok(())
}

/// RFC 3261 §12.2.1.1: within a dialog our requests are numbered one by one.
fn sequences(messages: &[Message]) -> Result<(), String> {
    let mut last: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut invited: BTreeMap<String, u32> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in messages.iter().filter(|m| m.ours && m.is_request()) {
        let (call, number) = (message.one("Call-ID")?.to_string(), message.cseq()?);
        if matches!(message.method(), "ACK" | "CANCEL") || !seen.insert(message.branch().map(str::to_string)) {
            continue;
        }
        let Some(tag) = message.tag("To") else {
            let wanted = invited.get(&call).map_or(number, |before| before + 1);
            fine(number == wanted, || format!("{}: number {number}, not {wanted}", message.first))?;
            invited.insert(call, number);
            continue;
        };
        // Where they called, our numbers begin where we like.
        let base = invited.get(&call).copied().unwrap_or(number - 1);
        let before = last.entry((call, tag.to_string())).or_insert(base);
        fine(number == *before + 1, || format!("{}: number {number} after {before}", message.first))?;
        *before = number;
    }
    Ok(())
}
