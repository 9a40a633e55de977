//! Checkpoints (C2SP tlog-checkpoint): how long the ledger was and what its entries came to, in three lines that are
//! signed as a note. Whoever keeps an old one can prove that nothing before it was altered or taken away.

use super::merkle::Hash;
use super::note::{NoNote, Note, Signer, Verifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A ledger at one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger, the world over.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Of the Merkle tree over them (RFC 6962).
    pub root: Hash,
}

impl Checkpoint {
    /// The note's text (tlog-checkpoint, "Note text").
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }

    /// Lines behind the third are extensions and not ours to judge.
    pub fn from_text(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let decimal = size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let root: [u8; 32] = BASE64.decode(root).ok()?.try_into().ok()?;
        let whole = !origin.is_empty() && decimal && lines.all(|line| !line.is_empty());
        whole.then_some(Checkpoint { origin: origin.to_string(), size: size.parse().ok()?, root: Hash(root) })
    }

    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.to_text())
    }

    /// The checkpoint of a note that one of `trusted` signed.
    pub fn open(note: &str, trusted: &[Verifier]) -> Result<Checkpoint, NoNote> {
        let note = Note::parse(note)?;
        let (text, _) = note.verify(trusted)?;
        Checkpoint::from_text(text)
            .ok_or(NoNote::Shape("its text is no checkpoint: origin, size and root on three lines"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let checkpoint = Checkpoint::from_text(EXAMPLE).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_text(), EXAMPLE);
        assert_eq!(Checkpoint::from_text(&format!("{EXAMPLE}extension\n")), Some(checkpoint.clone()));
        let signer = Signer::new("example.com/behind-the-sofa", &[1; 32]).unwrap();
        let note = checkpoint.sign(&signer);
        let trusted = [signer.verifier().clone()];
        assert_eq!(Checkpoint::open(&note, &trusted), Ok(checkpoint));
        assert!(Checkpoint::open(&note.replace("20852163", "20852162"), &trusted).is_err());
        assert!(matches!(Checkpoint::open(&signer.sign("a\n1\nb\n"), &trusted), Err(NoNote::Shape(_))));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for text in [
            "".to_string(),
            "a\n1\n".to_string(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n\n{root}\n"),
            format!("a\n99999999999999999999\n{root}\n"),
            format!("a\n1\n{}\n", &root[4..]),
            format!("a\n1\n{root}\n\nb\n"),
        ] {
            assert_eq!(Checkpoint::from_text(&text), None, "{text:?}");
        }
    }
}
