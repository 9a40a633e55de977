//! Leads recognition a little towards what hotlines say: the logits of tokens that go on with a phrase of the lexicon are
//! raised, once the phrase's first character was heard, and those that begin one are raised a little.

use std::collections::BTreeMap;

/// Added to a token that goes on with a phrase; it grows with the length already heard.
const GOES_ON: f32 = 3.0;
/// Added to a token that begins one.
const BEGINS: f32 = 0.7;
/// Bytes of what was heard that are looked back at: ten characters.
const LOOK_BACK: usize = 30;
/// Longest token that is looked for below a node: three characters.
const TOKEN_BYTES_MAX: usize = 9;

#[derive(Default)]
struct Node {
    next: BTreeMap<u8, u32>,
    /// In bytes.
    depth: u32,
    /// Tokens that lead from here along the trie.
    goes_on: Vec<i32>,
}

/// The lexicon as a trie over bytes, since a token may be a part of a character.
pub struct Bias {
    nodes: Vec<Node>,
    tokens: Vec<Vec<u8>>,
}

impl Bias {
    /// `tokens[i]`: the bytes of token `i`, of ordinary ones only.
    pub fn new(tokens: Vec<Vec<u8>>, phrases: impl IntoIterator<Item = String>) -> Bias {
        let mut by_bytes: BTreeMap<&[u8], i32> = BTreeMap::new();
        for (i, bytes) in tokens.iter().enumerate() {
            if !bytes.is_empty() {
                by_bytes.entry(bytes).or_insert(i as i32);
            }
        }
        let mut nodes = vec![Node::default()];
        for phrase in phrases {
            let mut at = 0usize;
            for byte in phrase.bytes() {
                at = match nodes[at].next.get(&byte) {
                    Some(&next) => next as usize,
                    None => {
                        let depth = nodes[at].depth + 1;
                        nodes.push(Node { depth, ..Node::default() });
                        let next = nodes.len() - 1;
                        nodes[at].next.insert(byte, next as u32);
                        next
                    }
                };
            }
        }
        for start in 0..nodes.len() {
            let mut goes_on = Vec::new();
            let mut open = vec![(start, Vec::<u8>::new())];
            while let Some((at, path)) = open.pop() {
                if let Some(&token) = by_bytes.get(&path[..]) {
                    goes_on.push(token);
                }
                if path.len() < TOKEN_BYTES_MAX {
                    for (&byte, &next) in &nodes[at].next {
                        let mut longer = path.clone();
                        longer.push(byte);
                        open.push((next as usize, longer));
                    }
                }
            }
            nodes[start].goes_on = goes_on;
        }
        Bias { nodes, tokens }
    }

    /// What to add to which token after `heard`.
    pub fn raise(&self, heard: impl DoubleEndedIterator<Item = i32>) -> BTreeMap<i32, f32> {
        let mut bytes: Vec<u8> = Vec::new();
        for token in heard.rev() {
            if bytes.len() >= LOOK_BACK {
                break;
            }
            if let Some(more) = usize::try_from(token).ok().and_then(|t| self.tokens.get(t)) {
                bytes.splice(0..0, more.iter().copied());
            }
        }
        let mut raised: BTreeMap<i32, f32> = self.nodes[0].goes_on.iter().map(|&t| (t, BEGINS)).collect();
        for start in bytes.len().saturating_sub(LOOK_BACK)..bytes.len() {
            if bytes[start] & 0xc0 == 0x80 {
                continue;
            }
            let path = bytes[start..].iter().try_fold(0u32, |at, b| self.nodes[at as usize].next.get(b).copied());
            let Some(node) = path.map(|at| &self.nodes[at as usize]) else { continue };
            let characters = node.depth as f32 / 3.0;
            let more = if node.depth < 3 { BEGINS } else { GOES_ON * (1.0 + 0.25 * (characters - 1.0).min(3.0)) };
            for &token in &node.goes_on {
                let raised = raised.entry(token).or_insert(0.0);
                *raised = raised.max(more);
            }
        }
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_once_begun_is_led_on() {
        let words = ["请", "按", "人", "工", "服务", "x"];
        let bias = Bias::new(
            words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            ["请按".to_string(), "人工服务".to_string()],
        );
        let nothing = bias.raise([].into_iter());
        assert_eq!(nothing, BTreeMap::from([(0, BEGINS), (2, BEGINS)]));
        let begun = bias.raise([5, 0].into_iter());
        assert_eq!(begun[&1], GOES_ON);
        assert!(!begun.contains_key(&5));
        let longer = bias.raise([2, 3].into_iter());
        assert!(longer[&4] > GOES_ON);
    }
}
