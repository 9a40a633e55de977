//! The prompts of one hotline that were heard before: asked during calls, taught by them, kept as a file.
//!
//! Layout of the file (all numbers little-endian):
//!
//! ```text
//! "nightbell prompts 1\n"
//! entry*      u32 length of what follows the checksum · u32 CRC-32 of the same · prompt · u32 length · JSON of the rest
//! prompt      u64 id · u32 · u32 speech from and to · u32 count · (u32 signs · u8 sure)* · u32 count · (20 × i8)* ·
//!             u32 length · JSON of `Memory`
//! ```
//!
//! It is written anew as a whole and put in the place of the former one, so a killed process leaves one or the other.

use crate::hearing::prompts::known::{KnownPrompt, Lesson, Memory, Replaced};
use crate::hearing::prompts::signs;
use crate::hearing::words::RawHearing;
use crate::vocabulary::limits;
use crate::vocabulary::print::{BANDS, Print, PrintId, Recall, Sub};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub const MAGIC: &[u8] = b"nightbell prompts 1\n";

/// What was not heard for so long goes; what was heard in one call alone goes sooner.
const FORGOTTEN_DAYS: i64 = 180;
const HEARD_ONCE_DAYS: i64 = 45;
/// Prompts that may be meant by a question.
const MEANT_MAX: usize = 8;
/// Hearings and places kept of a prompt.
const HEARINGS_MAX: usize = 5;
const PLACES_MAX: usize = 16;
/// So many others in its place, each heard once, and it is one that is another in each call.
const VARIANTS: usize = 3;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownPrompts {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    known: KnownPrompt,
    facts: Facts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Facts {
    first: NaiveDate,
    last: NaiveDate,
    calls: u32,
    /// The prompt in whose place it was first heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instead_of: Option<PrintId>,
}

impl KnownPrompts {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The prompts that may be meant, the likeliest first.
    pub fn recall(&self, asked: &Recall) -> Vec<KnownPrompt> {
        let near = self.entries.iter().filter_map(|entry| {
            let near = signs::nearest(asked, &entry.known.print)?;
            (near.errors < signs::PROPOSED).then_some((near.errors, entry))
        });
        let mut near: Vec<(f32, &Entry)> = near.collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.known.id.cmp(&b.1.known.id)));
        near.into_iter().take(MEANT_MAX).map(|(_, entry)| entry.known.clone()).collect()
    }

    /// What one call heard, on a day. Prompts that have not been heard for long go.
    pub fn learn(&mut self, lessons: &[Lesson], on: NaiveDate) {
        let before: Vec<PrintId> = self.entries.iter().map(|entry| entry.known.id).collect();
        let mut heard: Vec<PrintId> = Vec::new();
        for lesson in lessons {
            match lesson {
                Lesson::Again { id, hearing, place } => {
                    self.heard_again(*id, hearing.as_ref(), place, on, !heard.contains(id));
                    heard.push(*id);
                }
                Lesson::New { print, hearing, place, instead_of } => {
                    // Two calls at once, or a menu that repeats, hear the same new prompt twice.
                    if let Some(same) = self.same(print) {
                        self.heard_again(
                            same,
                            Some(hearing),
                            place,
                            on,
                            before.contains(&same) && !heard.contains(&same),
                        );
                        heard.push(same);
                        continue;
                    }
                    heard.push(print.id());
                    self.add(print, hearing, place, *instead_of, on);
                }
            }
        }
        self.settle_changes(&heard);
        self.forget(on);
    }

    fn entry(&mut self, id: PrintId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.known.id == id)
    }

    fn heard_again(&mut self, id: PrintId, hearing: Option<&RawHearing>, place: &str, on: NaiveDate, anew: bool) {
        let Some(entry) = self.entry(id) else { return };
        entry.facts.last = entry.facts.last.max(on);
        entry.facts.calls += u32::from(anew);
        let memory = &mut entry.known.memory;
        if let Some(hearing) = hearing
            && memory.hearings.len() < HEARINGS_MAX
        {
            memory.hearings.push(hearing.clone());
        }
        if !memory.places.iter().any(|known| known == place) && memory.places.len() < PLACES_MAX {
            memory.places.push(place.to_string());
        }
        // A second call has heard it so: it is the prompt now, and was told to be.
        if anew {
            memory.replaces = None;
        }
    }

    fn add(
        &mut self,
        print: &Arc<Print>,
        hearing: &RawHearing,
        place: &str,
        instead_of: Option<(PrintId, u32)>,
        on: NaiveDate,
    ) {
        let former = instead_of.and_then(|(id, at_ms)| {
            let former = &self.entry(id)?.known.memory;
            let told = !former.varies && former.places.iter().any(|known| known == place);
            told.then(|| Replaced { id, at_ms, hearings: former.hearings.clone() })
        });
        let memory = Memory {
            hearings: vec![hearing.clone()],
            places: vec![place.to_string()],
            varies: false,
            replaces: former,
        };
        let facts = Facts { first: on, last: on, calls: 1, instead_of: instead_of.map(|(id, _)| id) };
        self.entries.push(Entry { known: KnownPrompt { id: print.id(), print: print.clone(), memory }, facts });
    }

    /// A prompt that is heard again itself was not replaced; one with many others in its place is another in each call.
    fn settle_changes(&mut self, heard: &[PrintId]) {
        let mut former: Vec<PrintId> = self.entries.iter().filter_map(|entry| entry.facts.instead_of).collect();
        former.sort();
        for group in former.chunk_by(|a, b| a == b).filter(|group| group.len() >= VARIANTS) {
            if let Some(entry) = self.entry(group[0]) {
                entry.known.memory.varies = true;
            }
        }
        let varying: Vec<PrintId> = self.entries.iter().filter(|e| e.known.memory.varies).map(|e| e.known.id).collect();
        for entry in &mut self.entries {
            let memory = &mut entry.known.memory;
            let replaces = memory.replaces.as_ref().map(|replaced| replaced.id);
            if replaces.is_some_and(|id| heard.contains(&id) || varying.contains(&id)) {
                memory.replaces = None;
            }
        }
    }

    fn forget(&mut self, on: NaiveDate) {
        self.entries.retain(|entry| {
            let days = (on - entry.facts.last).num_days();
            days < if entry.facts.calls < 2 { HEARD_ONCE_DAYS } else { FORGOTTEN_DAYS }
        });
        if self.entries.len() > limits::PROMPTS_MAX {
            // The longest unheard go first.
            self.entries.sort_by(|a, b| b.facts.last.cmp(&a.facts.last).then(b.facts.calls.cmp(&a.facts.calls)));
            self.entries.truncate(limits::PROMPTS_MAX);
        }
    }

    /// The prompt that sounds the same from beginning to end.
    fn same(&self, print: &Print) -> Option<PrintId> {
        let subs = &print.subs[..print.subs.len().min(120)];
        let asked = Recall { offset: -(print.speech.0 as i32), subs: subs.to_vec() };
        self.entries
            .iter()
            .map(|entry| &entry.known)
            .find(|known| same_sound(&asked, print, &known.print))
            .map(|k| k.id)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for entry in &self.entries {
            let mut body = Vec::new();
            put_prompt(&entry.known, &mut body);
            put_json(&entry.facts, &mut body);
            out.extend((body.len() as u32).to_le_bytes());
            out.extend(crc32fast::hash(&body).to_le_bytes());
            out.extend(body);
        }
        out
    }

    /// An error says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<KnownPrompts, String> {
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            let newer = bytes.starts_with(b"nightbell prompts ");
            return Err(if newer { "it was written by a newer nightbell" } else { "it is no file of prompts" }.into());
        };
        let mut known = KnownPrompts::default();
        while !rest.is_empty() {
            if known.entries.len() == limits::PROMPTS_MAX {
                return Err("it holds more prompts than there may be".to_string());
            }
            let entry = take_entry(&mut rest).ok_or_else(|| {
                format!("entry {} does not match its checksum or is cut off", known.entries.len() + 1)
            })?;
            known.entries.push(entry);
        }
        Ok(known)
    }
}

/// Whether two clips have the same sound: the same signs, the same length, and nowhere another level for long.
fn same_sound(asked: &Recall, print: &Print, other: &Print) -> bool {
    const APART_DB_MAX: f32 = 4.5;
    let length = |print: &Print| print.speech.1 as i64 - print.speech.0 as i64;
    if (length(print) - length(other)).abs() > 100 * 8 {
        return false;
    }
    let Some(near) = signs::nearest(asked, other).filter(|near| near.errors < 0.22) else { return false };
    let shift = (near.onset - print.speech.0 as i32) / 80;
    let mean = |print: &Print| {
        let loud = print.bands.iter().flatten().filter(|&&level| level > -60).map(|&level| f32::from(level));
        loud.clone().sum::<f32>() / loud.count().max(1) as f32
    };
    let gain = mean(print) - mean(other);
    let floor = mean(print) - 30.0;
    (-2..=2).any(|step| {
        let apart: Vec<f32> = (0..print.bands.len())
            .filter_map(|n| {
                let theirs = other.bands.get(usize::try_from(n as i32 + shift + step).ok()?)?;
                let apart = print.bands[n]
                    .iter()
                    .zip(theirs)
                    .map(|(&a, &b)| ((f32::from(a)).max(floor) - (f32::from(b) + gain).max(floor)).abs() / 2.0);
                Some(apart.sum::<f32>() / BANDS as f32)
            })
            .collect();
        apart.windows(20).all(|window| window.iter().filter(|&&d| d > APART_DB_MAX).count() < 10)
    })
}

fn put_json<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let json = serde_json::to_vec(value).expect("plain data");
    out.extend((json.len() as u32).to_le_bytes());
    out.extend(json);
}

/// One known prompt as bytes: in the file, and on the tape of a call that was told of it.
fn put_prompt(known: &KnownPrompt, out: &mut Vec<u8>) {
    let print = &known.print;
    out.extend(known.id.0.to_le_bytes());
    out.extend(print.speech.0.to_le_bytes());
    out.extend(print.speech.1.to_le_bytes());
    out.extend((print.subs.len() as u32).to_le_bytes());
    for sub in &print.subs {
        out.extend(sub.bits.to_le_bytes());
        out.push(u8::from(sub.sure));
    }
    out.extend((print.bands.len() as u32).to_le_bytes());
    out.extend(print.bands.iter().flatten().map(|&level| level as u8));
    put_json(&known.memory, out);
}

/// Prompts one after the other.
pub fn bytes_of(prompts: &[KnownPrompt]) -> Vec<u8> {
    let mut out = Vec::new();
    prompts.iter().for_each(|known| put_prompt(known, &mut out));
    out
}

pub fn prompts_of(mut bytes: &[u8]) -> Option<Vec<KnownPrompt>> {
    let mut prompts = Vec::new();
    while !bytes.is_empty() {
        prompts.push(take_prompt(&mut bytes)?);
    }
    Some(prompts)
}

/// The prompt at the beginning of `rest`, which goes on behind it.
fn take_prompt(rest: &mut &[u8]) -> Option<KnownPrompt> {
    let id = PrintId(u64::from_le_bytes(*take::<8>(rest)?));
    let speech = (take_u32(rest)?, take_u32(rest)?);
    let count = take_u32(rest)? as usize;
    let subs = take_slice(rest, count.checked_mul(5)?)?;
    let subs = subs
        .chunks_exact(5)
        .map(|sub| Sub { bits: u32::from_le_bytes([sub[0], sub[1], sub[2], sub[3]]), sure: sub[4] != 0 });
    let subs = subs.collect();
    let count = take_u32(rest)? as usize;
    let bands = take_slice(rest, count.checked_mul(BANDS)?)?;
    let bands = bands.chunks_exact(BANDS).map(|frame| std::array::from_fn(|n| frame[n] as i8)).collect();
    let memory: Memory = take_json(rest)?;
    Some(KnownPrompt { id, print: Arc::new(Print { speech, subs, bands }), memory })
}

fn take_entry(rest: &mut &[u8]) -> Option<Entry> {
    let length = take_u32(rest)? as usize;
    let crc = take_u32(rest)?;
    let mut body = take_slice(rest, length)?;
    if crc32fast::hash(body) != crc {
        return None;
    }
    Some(Entry { known: take_prompt(&mut body)?, facts: take_json(&mut body)? })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(head)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take::<4>(rest).map(|bytes| u32::from_le_bytes(*bytes))
}

fn take_slice<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    Some(head)
}

fn take_json<T: serde::de::DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    let length = take_u32(rest)? as usize;
    serde_json::from_slice(take_slice(rest, length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hearing::words::{RawPiece, RawToken};
    use crate::vocabulary::{Lang, Seed};

    fn print(seed: u64) -> Arc<Print> {
        let mut draw = Seed::new(seed);
        let subs = (0..200).map(|_| Sub { bits: draw.next_u32(), sure: true }).collect();
        let bands = (0..180).map(|_| std::array::from_fn(|_| (draw.below(60) as i8) - 40)).collect();
        Arc::new(Print { speech: (2_400, 14_000), subs, bands })
    }

    fn hearing(text: &str) -> RawHearing {
        let token = RawToken { text: text.into(), p: 0.9 };
        let piece = RawPiece { from_ms: 300, to_ms: 1_700, tokens: vec![token] };
        RawHearing {
            lang: Some(Lang::En),
            pieces: vec![piece],
            voice: Some(0.9),
            audio_s: 2.0,
            ..RawHearing::default()
        }
    }

    fn new(seed: u64, text: &str, instead_of: Option<u64>) -> Lesson {
        let instead_of = instead_of.map(|seed| (print(seed).id(), 1_200));
        Lesson::New { print: print(seed), hearing: hearing(text), place: String::new(), instead_of }
    }

    fn again(seed: u64) -> Lesson {
        Lesson::Again { id: print(seed).id(), hearing: None, place: String::new() }
    }

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
    }

    fn asked(seed: u64) -> Recall {
        Recall { offset: -1_200, subs: print(seed).subs[12..92].to_vec() }
    }

    /// Whether a call that hears prompt `seed` is told that it replaces another one.
    fn is_news(known: &KnownPrompts, seed: u64) -> bool {
        let recalled = known.recall(&asked(seed));
        assert_eq!(recalled.len(), 1, "prompt {seed} is known");
        recalled[0].memory.replaces.is_some()
    }

    #[test]
    fn a_prompt_is_recalled_by_its_beginning_and_no_other_one_is() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "one", None), new(2, "two", None), new(3, "three", None)], day(1));
        assert_eq!(known.recall(&asked(2)).iter().map(|k| k.id).collect::<Vec<_>>(), [print(2).id()]);
        assert!(known.recall(&asked(4)).is_empty());
    }

    #[test]
    fn a_change_is_news_in_the_second_call_that_hears_it_and_in_no_other() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "press one", None)], day(1));
        known.learn(&[new(2, "press two", Some(1))], day(2));
        assert!(is_news(&known, 2), "heard once: the next call confirms it");
        known.learn(&[again(2)], day(3));
        assert!(!is_news(&known, 2), "told");
    }

    #[test]
    fn what_comes_and_goes_is_no_change() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "press one", None)], day(1));
        known.learn(&[new(2, "press two", Some(1))], day(2));
        known.learn(&[again(1)], day(3));
        assert!(!is_news(&known, 2), "the former one was heard again");
    }

    #[test]
    fn a_prompt_that_is_another_one_in_each_call_is_never_news() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "you are caller one", None)], day(1));
        for n in 2..=4 {
            known.learn(&[new(n, "you are caller", Some(1))], day(n as u32));
        }
        for n in 2..=4 {
            assert!(!is_news(&known, n), "variant {n}");
        }
        assert!(known.recall(&asked(1))[0].memory.varies);
    }

    #[test]
    fn two_calls_that_learn_the_same_prompt_keep_it_once() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "press one", None), new(1, "press won", None)], day(1));
        known.learn(&[new(1, "press one", None)], day(1));
        assert_eq!(known.len(), 1);
        assert_eq!(known.recall(&asked(1))[0].words(Lang::En).unwrap().text, "press one");
    }

    #[test]
    fn bytes_give_the_same_prompts_again() {
        let mut known = KnownPrompts::default();
        known.learn(&[new(1, "press one", None), new(2, "按0", Some(1))], day(1));
        let bytes = known.to_bytes();
        assert_eq!(KnownPrompts::from_bytes(&bytes).unwrap(), known);
        let told = known.recall(&asked(2));
        assert_eq!(prompts_of(&bytes_of(&told)).unwrap(), told);
        for cut in [bytes.len() - 1, bytes.len() / 2, 25] {
            assert!(KnownPrompts::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
