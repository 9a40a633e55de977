//! The Merkle tree over the ledger's entries (RFC 6962 §2.1), kept as its frontier: a few hashes, whatever its size.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256, written in hexadecimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Of bytes as they are, without a prefix: files and records.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    /// Of one entry as a leaf: the prefix keeps leaves and nodes apart (RFC 6962 §2.1).
    pub fn of_leaf(entry: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
    }

    fn of_node(left: &Hash, right: &Hash) -> Hash {
        Hash(Sha256::new().chain_update([0x01]).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 digits of lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no SHA-256 in hexadecimal")]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    /// Lower case alone: a hash has one way to be written.
    fn from_str(text: &str) -> Result<Hash, NoHash> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NoHash),
        };
        let bytes = text.as_bytes();
        let mut hash = [0; 32];
        if bytes.len() != 64 {
            return Err(NoHash);
        }
        for (byte, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Hash(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The roots of the whole subtrees of a growing tree, the largest first. Enough to go on and to give the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// As many as `size` has ones in binary.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one of the size is a subtree as large as the one just made: they join.
        for _ in 0..self.size.trailing_ones() {
            node = Hash::of_node(&self.peaks.pop().expect("a peak for each one of the size"), &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root of everything pushed so far; of nothing, the hash of nothing (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash::of(b"") };
        peaks.fold(*last, |right, left| Hash::of_node(left, &right))
    }

    /// `SIZE:HASH,HASH,…`, as the store keeps it.
    pub fn to_text(&self) -> String {
        let peaks: Vec<String> = self.peaks.iter().map(Hash::to_string).collect();
        format!("{}:{}", self.size, peaks.join(","))
    }

    pub fn from_text(text: &str) -> Option<Frontier> {
        let (size, peaks) = text.split_once(':')?;
        let size: u64 = size.parse().ok()?;
        let peaks: Vec<Hash> =
            peaks.split(',').filter(|p| !p.is_empty()).map(|p| p.parse().ok()).collect::<Option<_>>()?;
        (peaks.len() == size.count_ones() as usize).then_some(Frontier { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 §2.1, word for word.
    fn root_by_definition(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Hash::of(b""),
            [leaf] => Hash::of_leaf(leaf),
            leaves => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                Hash::of_node(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        // The reference inputs and roots of the Certificate Transparency implementations.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (leaf, root) in leaves.iter().zip(roots) {
            frontier.push(Hash::of_leaf(leaf));
            assert_eq!(frontier.root().to_string(), root, "{} leaves", frontier.size());
        }
    }

    #[test]
    fn a_frontier_gives_the_root_of_the_definition_at_every_size_and_after_being_written_down() {
        let leaves: Vec<Vec<u8>> = (0..200u32).map(|n| n.to_le_bytes().to_vec()).collect();
        let mut frontier = Frontier::default();
        for (size, leaf) in leaves.iter().enumerate() {
            assert_eq!(frontier.root(), root_by_definition(&leaves[..size]), "{size} leaves");
            frontier = Frontier::from_text(&frontier.to_text()).expect("a frontier reads what it wrote");
            frontier.push(Hash::of_leaf(leaf));
        }
    }

    #[test]
    fn what_is_no_frontier_and_no_hash_is_refused() {
        let hash = "a".repeat(64);
        for text in
            ["", "1", "1:", "x:", "2:zz", &format!("3:{hash}"), &format!("0:{hash}"), &format!("1:{hash},{hash}")]
        {
            assert_eq!(Frontier::from_text(text), None, "{text}");
        }
        for text in ["", "ab", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(text.parse::<Hash>(), Err(NoHash), "{text}");
        }
        assert_eq!(hash.parse::<Hash>().map(|h| h.to_string()), Ok(hash));
    }
}
