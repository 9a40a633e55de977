//! Reads who calls, on a trunk or a probe.

use super::node::{Kind, Node};
use super::persona::Persona;
use super::reader::{Fields, Reader, present};
use crate::vocabulary::Target;

/// Longest display name: what is longer, switches cut or refuse.
const NAME_CHARS_MAX: usize = 64;

/// `None` when something was wrong, and complained about.
pub(super) fn read(reader: &Reader, fields: &Fields) -> Option<Persona> {
    let get = |key: &str| present(fields.get(key));
    let caller_id = get("caller_id").map(|node| number(reader, node, "caller_id"));
    let caller_name = get("caller_name").map(|node| name(reader, node));
    let asserted = get("asserted_identity").map(|node| number(reader, node, "asserted_identity"));
    let anonymous = get("anonymous").map(|node| reader.truth(node, "anonymous"));
    if let (Some(key), Some(Some(true))) = (fields.key("caller_name"), anonymous) {
        let what = "an anonymous caller shows no name";
        reader.complain(key, what, "leave caller_name out, or write anonymous: false");
        return None;
    }
    Some(Persona {
        caller_id: caller_id.map_or(Some(None), |read| read.map(Some))?,
        caller_name: caller_name.map_or(Some(None), |read| read.map(Some))?,
        asserted_identity: asserted.map_or(Some(None), |read| read.map(Some))?,
        anonymous: anonymous.map_or(Some(None), |read| read.map(Some))?,
    })
}

fn name(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "caller_name")?;
    if name.chars().any(char::is_control) || name.chars().count() > NAME_CHARS_MAX {
        let what = format!("caller_name is longer than {NAME_CHARS_MAX} letters or has a line end in it");
        reader.complain(node, what, "write a short name on one line");
        return None;
    }
    Some(name)
}

/// A number of our own, or a user of the trunk.
fn number(reader: &Reader, node: &Node, key: &str) -> Option<String> {
    let text = match node.kind {
        Kind::Number(_) => {
            let raw = reader.document.raw(node);
            let what = format!("{key} is a text, and YAML reads {raw} as a number (it loses + and 0 in front)");
            reader.complain(node, what, format!("write \"{raw}\", with quotes"));
            return None;
        }
        _ => reader.text(node, key)?,
    };
    match format!("sip:{text}@host").parse::<Target>() {
        Ok(_) => Some(text),
        Err(refused) => {
            let refused = refused.to_string();
            let write = "write a number that is yours and rings back, like \"+862100000001\"";
            let what = match refused.split_once(" is a") {
                Some((_, kind)) => format!("{key} '{text}' is a{}", kind.split("; ").next().unwrap_or_default()),
                None => format!("{key} '{text}' is no number and no user"),
            };
            reader.complain(node, what, write);
            None
        }
    }
}
