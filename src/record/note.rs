//! Signed notes (C2SP signed-note v1.0.0): a text, a blank line, and lines that sign the text with Ed25519. What Go's
//! checksum database, transparency logs and their witnesses read; keys have the text form of Go's `sumdb/note`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature as Ed25519Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Signature type of Ed25519 in key ids and encoded keys (signed-note, "Signature types").
const ED25519: u8 = 1;
/// A longer note is not read: ours are a few hundred bytes, sixteen signatures fit many times.
const NOTE_BYTES_MAX: usize = 1 << 20;
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// Signs notes. Never shown: `Debug` and `Display` give the public half.
#[derive(Clone)]
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

/// The public half: who signed, and how that is checked. Its text is a "vkey", `NAME+ID+KEY`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    #[error("a key is written NAME+ID+KEY, like the one line of ledger/key.pub")]
    Shape,
    #[error("a key's name may not be empty nor have spaces or a plus in it")]
    Name,
    #[error("the key is damaged: its id does not follow from its name and bytes")]
    Id,
    #[error("the key is of another sort than Ed25519")]
    Sort,
    #[error("this is a private key; give the public one, from ledger/key.pub")]
    Private,
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl Verifier {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The first four bytes of SHA-256(name || 0x0A || type || key) (signed-note, "Signatures").
    pub fn id(&self) -> u32 {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id(), BASE64.encode(encoded))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Verifier {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Verifier, NoKey> {
        if text.starts_with(SECRET_PREFIX) {
            return Err(NoKey::Private);
        }
        let (name, id, bytes) = parts(text)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| NoKey::Shape)?;
        let verifier = Verifier { name: name.to_string(), key };
        if verifier.id() == id { Ok(verifier) } else { Err(NoKey::Id) }
    }
}

/// Name, id and the 32 bytes of a key's text. The base64 itself may contain a plus.
fn parts(text: &str) -> Result<(&str, u32, [u8; 32]), NoKey> {
    let mut fields = text.splitn(3, '+');
    let (Some(name), Some(id), Some(encoded)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(NoKey::Shape);
    };
    if !is_name(name) {
        return Err(NoKey::Name);
    }
    if id.len() != 8 || id.contains(|c: char| !c.is_ascii_hexdigit() || c.is_ascii_uppercase()) {
        return Err(NoKey::Shape);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| NoKey::Shape)?;
    let bytes = BASE64.decode(encoded).map_err(|_| NoKey::Shape)?;
    match bytes.split_first() {
        Some((&ED25519, key)) => Ok((name, id, key.try_into().map_err(|_| NoKey::Shape)?)),
        Some(_) => Err(NoKey::Sort),
        None => Err(NoKey::Shape),
    }
}

impl Signer {
    /// A key of 32 random bytes; throwing the dice is the edge's business.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Signer, NoKey> {
        if !is_name(name) {
            return Err(NoKey::Name);
        }
        let key = SigningKey::from_bytes(seed);
        Ok(Signer { verifier: Verifier { name: name.to_string(), key: key.verifying_key() }, key })
    }

    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The private key as Go's `sumdb/note` writes it. For a file that nobody else can read, never for people.
    pub fn to_secret_text(&self) -> String {
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(self.key.as_bytes());
        format!("{SECRET_PREFIX}{}+{:08x}+{}", self.verifier.name, self.verifier.id(), BASE64.encode(encoded))
    }

    /// The 32 bytes the key was made of. As secret as the key.
    pub fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    pub fn from_secret_text(text: &str) -> Result<Signer, NoKey> {
        let (name, id, seed) = parts(text.trim_end().strip_prefix(SECRET_PREFIX).ok_or(NoKey::Shape)?)?;
        let signer = Signer::new(name, &seed)?;
        if signer.verifier.id() == id { Ok(signer) } else { Err(NoKey::Id) }
    }

    /// The whole note over `text`, which ends in a newline.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = self.verifier.id().to_be_bytes().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {} {}\n", self.verifier.name, BASE64.encode(signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// A note as it was read; nothing in it is true before `verify` said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNote {
    #[error("this is no signed note: {0}")]
    Shape(&'static str),
    #[error("the signature of {0} does not match the text: the note was altered, or signed with another key")]
    Forged(String),
    #[error("it is signed by {signed}, and that is no key we trust (trusted: {trusted})")]
    Stranger { signed: String, trusted: String },
}

impl Note {
    pub fn parse(note: &str) -> Result<Note, NoNote> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoNote::Shape("it is too long"));
        }
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoNote::Shape("it has control characters"));
        }
        // The last empty line parts the text from the signatures.
        let at = note.rfind("\n\n").ok_or(NoNote::Shape("no blank line parts text and signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoNote::Shape("it does not end with a signature line"))?;
        let signatures = lines.split('\n').map(signature).collect::<Result<_, _>>()?;
        Ok(Note { text: text.to_string(), signatures })
    }

    /// The signed text, once one of `trusted` has signed it and none of them otherwise; and who that was.
    pub fn verify<'v>(&self, trusted: &'v [Verifier]) -> Result<(&str, &'v Verifier), NoNote> {
        let mut signer = None;
        for signature in &self.signatures {
            let known = trusted.iter().find(|v| v.name == signature.name && v.id() == signature.id);
            let Some(known) = known else { continue };
            let matches = Ed25519Signature::from_slice(&signature.bytes)
                .is_ok_and(|signature| known.key.verify_strict(self.text.as_bytes(), &signature).is_ok());
            if !matches {
                return Err(NoNote::Forged(format!("{}+{:08x}", signature.name, signature.id)));
            }
            signer.get_or_insert(known);
        }
        let name = |name: &str, id: u32| format!("{name}+{id:08x}");
        signer.map(|signer| (self.text.as_str(), signer)).ok_or_else(|| NoNote::Stranger {
            signed: self.signatures.iter().map(|s| name(&s.name, s.id)).collect::<Vec<_>>().join(", "),
            trusted: trusted.iter().map(|v| name(&v.name, v.id())).collect::<Vec<_>>().join(", "),
        })
    }

    /// The text without any promise that it is true.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }
}

/// `— NAME BASE64(ID || SIGNATURE)`.
fn signature(line: &str) -> Result<Signature, NoNote> {
    let wrong = NoNote::Shape("a signature line is not \"— NAME SIGNATURE\"");
    let Some((name, encoded)) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')) else {
        return Err(wrong);
    };
    let Ok(bytes) = BASE64.decode(encoded) else { return Err(wrong) };
    match bytes.split_first_chunk::<4>() {
        Some((id, rest)) if is_name(name) && !rest.is_empty() => {
            Ok(Signature { name: name.to_string(), id: u32::from_be_bytes(*id), bytes: rest.to_vec() })
        }
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Go's golang.org/x/mod/sumdb/note.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNED: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn we_sign_as_go_does() {
        let signer = Signer::from_secret_text(SKEY).unwrap();
        assert_eq!(signer.verifier().to_string(), VKEY);
        assert_eq!(signer.to_secret_text(), SKEY);
        assert_eq!(signer.sign(TEXT), format!("{TEXT}\n{SIGNED}"));
        assert!(!format!("{signer:?}").contains("AYEKFAL"), "a signer does not show its secret");
    }

    #[test]
    fn a_note_is_believed_only_with_a_trusted_signature_that_matches() {
        let peter: Verifier = VKEY.parse().unwrap();
        let stranger = Signer::new("PeterNeumann", &[7; 32]).unwrap();
        let check = |note: &str, trusted: &[Verifier], expected: Result<&str, &str>| {
            let verdict = Note::parse(note).and_then(|n| n.verify(trusted).map(|(text, _)| text.to_string()));
            match (&verdict, expected) {
                (Ok(text), Ok(wanted)) => assert_eq!(text, wanted, "{note}"),
                (Err(why), Err(wanted)) => assert!(why.to_string().contains(wanted), "{note}: {why}"),
                _ => panic!("{note}: {verdict:?}, not {expected:?}"),
            }
        };
        let good = format!("{TEXT}\n{SIGNED}");
        let trusted = std::slice::from_ref(&peter);
        check(&good, trusted, Ok(TEXT));
        check(&good.replace("cryptography", "cryptogrbphy"), trusted, Err("does not match the text"));
        check(&good, &[stranger.verifier().clone()], Err("no key we trust"));
        check(&stranger.sign(TEXT), trusted, Err("no key we trust"));
        check(&good, &[], Err("no key we trust"));
        // Unknown signatures beside a known one are ignored (signed-note, "Signatures").
        let other = stranger.sign(TEXT);
        let other = &other[other.rfind('—').unwrap()..];
        check(&format!("{TEXT}\n{other}{SIGNED}"), trusted, Ok(TEXT));
        // Blank lines belong to the text up to the last one.
        let signer = Signer::from_secret_text(SKEY).unwrap();
        check(&signer.sign("a\n\nb\n"), trusted, Ok("a\n\nb\n"));
        for (broken, why) in [
            (TEXT.to_string(), "no blank line"),
            (format!("{TEXT}\n"), "signature line"),
            (good.trim_end().to_string(), "does not end"),
            (good.replace("— ", "- "), "signature line"),
            (good.replace("x08go", "x08 go"), "signature line"),
            (good.replace("think", "th\tink"), "control characters"),
            (format!("{TEXT}\n— Peter+Neumann AAAAAAA=\n"), "signature line"),
        ] {
            check(&broken, trusted, Err(why));
        }
    }

    #[test]
    fn a_damaged_key_is_told_from_a_good_one() {
        assert_eq!(VKEY.parse::<Verifier>().unwrap().to_string(), VKEY);
        for (text, why) in [
            ("", NoKey::Shape),
            ("PeterNeumann", NoKey::Shape),
            (SKEY, NoKey::Private),
            (&VKEY.replace("Peter", "Pet er"), NoKey::Name),
            (&VKEY.replace("c74f20a3", "c74f20a4"), NoKey::Id),
            (&VKEY.replace("c74f20a3", "C74F20A3"), NoKey::Shape),
            (&VKEY.replace("+ARpc", "+ARpd"), NoKey::Id),
            (&VKEY.replace("+ARpc", "+BRpc"), NoKey::Sort),
            (&VKEY[..VKEY.len() - 4], NoKey::Shape),
        ] {
            assert_eq!(text.parse::<Verifier>().err(), Some(why), "{text}");
        }
    }
}
