//! The words that Chinese hearings are led and corrected by: a hotline lexicon, a dictionary with word costs, and the
//! simplified forms of traditional characters. Read once, when first needed.

use crate::vocabulary::pinyin;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The key under which words that sound nearly alike lie together: each character's usual syllable, n and ng alike.
type SoundKey = [u16; 4];

pub struct Lexicon {
    /// Hotline phrases by length in characters, each with its cost.
    phrases: BTreeMap<usize, Vec<(Vec<char>, f32)>>,
    /// Dictionary words of two to four characters by their sound.
    by_sound: Vec<(SoundKey, Vec<char>, f32)>,
    /// Cost of every dictionary word, single characters included; sorted by word.
    costs: Vec<(Vec<char>, f32)>,
    simplified: BTreeMap<char, char>,
    traditional: BTreeMap<char, Vec<char>>,
}

/// What a hotline phrase costs at most: less than any but the commonest words of the dictionary.
const PHRASE_COST: f32 = 7.0;
/// The same for what is heard on almost every line.
pub(super) const COMMON_COST: f32 = 5.0;
const PHRASE_CHARS_MAX: usize = 11;

pub fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(Lexicon::build)
}

fn lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty())
}

/// Phrases, and whether they are heard on almost every line.
fn phrases() -> impl Iterator<Item = (&'static str, bool)> {
    let words = lines(include_str!("lexicon_zh.txt")).flat_map(str::split_whitespace);
    words.map(|w| w.strip_prefix('!').map_or((w, false), |w| (w, true)))
}

/// Every phrase as it is written in simplified and in traditional characters: recognition mixes them.
pub fn phrases_in_both_scripts() -> Vec<String> {
    let lexicon = lexicon();
    let mut all = Vec::new();
    for (phrase, _) in phrases() {
        all.push(phrase.to_string());
        // Where a character has several traditional forms, one phrase with each.
        let forms = phrase.chars().map(|c| lexicon.traditional.get(&c).map_or(1, Vec::len)).max().unwrap_or(1).min(3);
        for form in 0..forms {
            let written = |c: char| match lexicon.traditional.get(&c) {
                Some(others) => others[form.min(others.len() - 1)],
                None => c,
            };
            let other: String = phrase.chars().map(written).collect();
            if all.last() != Some(&other) {
                all.push(other);
            }
        }
    }
    all
}

impl Lexicon {
    fn build() -> Lexicon {
        let (mut simplified, mut traditional) = (BTreeMap::new(), BTreeMap::<char, Vec<char>>::new());
        for pair in lines(include_str!("simplified_zh.txt")).flat_map(str::split_whitespace) {
            let mut chars = pair.chars();
            if let (Some(from), Some(to)) = (chars.next(), chars.next()) {
                simplified.insert(from, to);
                traditional.entry(to).or_default().push(from);
            }
        }
        let (mut costs, mut by_sound) = (Vec::new(), Vec::new());
        for line in lines(include_str!("words_zh.txt")) {
            let mut words = line.split(' ');
            let cost = words.next().and_then(|c| c.parse::<f32>().ok()).unwrap_or(80.0) / 4.0;
            for word in words {
                let chars: Vec<char> = word.chars().collect();
                if (2..=4).contains(&chars.len()) {
                    by_sound.push((sound_key(&chars), chars.clone(), cost));
                }
                costs.push((chars, cost));
            }
        }
        costs.sort_by(|a, b| a.0.cmp(&b.0));
        by_sound.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut lexicon = Lexicon { phrases: BTreeMap::new(), by_sound, costs, simplified, traditional };
        let mut by_length: BTreeMap<usize, Vec<(Vec<char>, f32)>> = BTreeMap::new();
        for (phrase, everywhere) in phrases() {
            let chars: Vec<char> = phrase.chars().collect();
            if (2..=PHRASE_CHARS_MAX).contains(&chars.len()) {
                let own =
                    if everywhere { COMMON_COST } else { PHRASE_COST } + 0.5 * chars.len().saturating_sub(4) as f32;
                let cost = own.min(lexicon.cost(&chars).unwrap_or(own));
                by_length.entry(chars.len()).or_default().push((chars, cost));
            }
        }
        for all in by_length.values_mut() {
            all.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            all.dedup_by(|later, first| later.0 == first.0);
        }
        lexicon.phrases = by_length;
        lexicon
    }

    /// The simplified form of a character.
    pub fn simplified(&self, c: char) -> char {
        self.simplified.get(&c).copied().unwrap_or(c)
    }

    /// The dictionary's cost of a word.
    pub fn cost(&self, word: &[char]) -> Option<f32> {
        self.costs.binary_search_by(|(w, _)| w.as_slice().cmp(word)).ok().map(|i| self.costs[i].1)
    }

    /// Dictionary words that sound like `heard`, n and ng alike.
    pub fn sounding_like(&self, heard: &[char]) -> &[(SoundKey, Vec<char>, f32)] {
        if !(2..=4).contains(&heard.len()) {
            return &[];
        }
        let key = sound_key(heard);
        let from = self.by_sound.partition_point(|w| w.0 < key);
        let to = self.by_sound.partition_point(|w| w.0 <= key);
        &self.by_sound[from..to]
    }

    /// Hotline phrases of a length.
    pub fn phrases_of(&self, length: usize) -> &[(Vec<char>, f32)] {
        self.phrases.get(&length).map_or(&[], Vec::as_slice)
    }

    /// Whether hotlines say this.
    pub fn says(&self, phrase: &[char]) -> bool {
        self.phrases_of(phrase.len()).binary_search_by(|(p, _)| p.as_slice().cmp(phrase)).is_ok()
    }

    /// The longest phrase, in characters.
    pub fn longest(&self) -> usize {
        self.phrases.keys().last().copied().unwrap_or(0)
    }
}

fn sound_key(word: &[char]) -> SoundKey {
    let mut key = [0; 4];
    for (slot, &c) in key.iter_mut().zip(word) {
        *slot = pinyin::syllable(c).map_or(u16::MAX, |s| s.merged().index() + 1);
    }
    key
}
