//! What has been heard so far, in the form the steps of a script ask for it.

use crate::understanding::{self, OptionKey, PromptKind, Reading};
use crate::vocabulary::{ClipId, HeardKind, Hearing, Lang, Moment, Sketch, Transcript};
use std::collections::BTreeMap;
use std::time::Duration;

/// Speech that began this little before a key was pressed may already be its effect: people and detectors both
/// place an onset a few frames late or early.
const ONSET_TOLERANCE: Duration = Duration::from_millis(200);

/// Words of one clip with what they mean.
#[derive(Clone, Debug)]
pub struct Words {
    pub from: Moment,
    pub to: Moment,
    pub transcript: Transcript,
    pub reading: Reading,
    /// A key was pressed while this known prompt was being said: by its sound it is one prompt, however long it went on
    /// behind the key.
    pub pressed_into: bool,
    /// How they sounded, where all of them were heard and somebody wants to know.
    pub sketch: Option<Sketch>,
}

impl Words {
    /// Whether these words belong to what follows `boundary`.
    fn belong_after(&self, boundary: Moment) -> bool {
        let to = if self.pressed_into { self.from } else { self.to };
        belongs_after(self.from, to, boundary)
    }
}

/// A sound that is not speech, as the ears reported it.
#[derive(Clone, Debug)]
pub struct Tone {
    pub from: Moment,
    pub to: Moment,
    pub kind: HeardKind,
}

#[derive(Debug, Default)]
pub struct Attention {
    words: Vec<Words>,
    tones: Vec<Tone>,
    /// Clips handed to transcription whose words are not back yet.
    pending: BTreeMap<ClipId, (Moment, Moment)>,
    /// How clips sounded whose words are not here yet.
    sketches: BTreeMap<ClipId, Sketch>,
    sounding: Option<(HeardKind, Moment)>,
    quiet_since: Moment,
    /// The first moment anything audible was heard after the answer.
    first_audible: Option<Moment>,
    /// What is being said was heard before: its words, before they have been said.
    foreseen: Option<Words>,
}

impl Attention {
    /// From here on the hotline is on the line: what came before was the network's.
    pub fn answered(&mut self, at: Moment) {
        self.quiet_since = self.quiet_since.max(at);
        self.first_audible = None;
    }

    pub fn hear(&mut self, hearing: &Hearing) {
        match hearing {
            Hearing::Onset { at, kind: HeardKind::Silence } => self.fall_quiet(*at, None),
            Hearing::Sound { from, kind: HeardKind::Silence, ended: false, .. } => self.fall_quiet(*from, None),
            // Noise on the line is neither a prompt nor its end.
            Hearing::Onset { kind: HeardKind::Noise, .. }
            | Hearing::Sound { kind: HeardKind::Noise | HeardKind::Silence, .. } => {}
            Hearing::Onset { at, kind } => self.sound(*at, *kind),
            Hearing::Sound { from, to, kind, ended, .. } => {
                if *ended {
                    self.first_audible.get_or_insert(*from);
                    self.fall_quiet(*to, Some(*kind));
                } else {
                    self.sound(*from, *kind);
                }
                if *kind != HeardKind::Speech {
                    self.note_tone(*from, *to, *kind);
                }
            }
            Hearing::Clip(_) | Hearing::Print { .. } | Hearing::Recall { .. } | Hearing::Recognised { .. } => {}
        }
    }

    /// What is being said since `words.from` is a known prompt, so far.
    pub fn foresee(&mut self, words: Words) {
        self.foreseen = Some(words);
    }

    /// The words of a known prompt that has begun after `from` and is being said.
    pub fn foreseen_since(&self, from: Moment) -> Option<&Words> {
        self.foreseen.as_ref().filter(|words| self.is_speaking() && words.from + ONSET_TOLERANCE >= from)
    }

    /// Did something that was being said before `boundary` go on for so long behind it?
    pub fn ran_on(&self, boundary: Moment, at_least: Duration) -> bool {
        self.words.iter().any(|w| !w.belong_after(boundary) && w.to >= boundary + at_least)
    }

    fn sound(&mut self, at: Moment, kind: HeardKind) {
        self.first_audible.get_or_insert(at);
        // Speech over music is what matters while both go on.
        if kind == HeardKind::Speech || !self.is_speaking() {
            self.sounding = Some((kind, at));
        }
    }

    /// `kind` ended, or all did (`None`).
    fn fall_quiet(&mut self, at: Moment, kind: Option<HeardKind>) {
        let Some((sounding, since)) = self.sounding else { return };
        let ended = match kind {
            Some(kind) => kind == sounding,
            None => since <= at,
        };
        if ended {
            if sounding == HeardKind::Speech {
                self.foreseen = None;
            }
            self.sounding = None;
            self.quiet_since = self.quiet_since.max(at);
        }
    }

    fn note_tone(&mut self, from: Moment, to: Moment, kind: HeardKind) {
        match self.tones.last_mut() {
            Some(last) if last.kind == kind && last.from == from => last.to = to,
            _ => self.tones.push(Tone { from, to, kind }),
        }
    }

    /// Speech of this span went to be written down.
    pub fn expect_words(&mut self, id: ClipId, spoken: (Moment, Moment)) {
        self.pending.insert(id, spoken);
    }

    /// How a clip sounded whose words will come.
    pub fn sounded(&mut self, id: ClipId, sketch: Sketch) {
        self.sketches.insert(id, sketch);
    }

    /// The words of a clip came back (or never will: `None`).
    pub fn understand(&mut self, id: ClipId, words: Option<Words>) {
        self.pending.remove(&id);
        let sketch = self.sketches.remove(&id);
        if let Some(words) = words {
            let words = Words { sketch, ..words };
            let place = self.words.partition_point(|w| w.from <= words.from);
            self.words.insert(place, words);
        }
    }

    pub fn clip_span(&self, id: ClipId) -> Option<(Moment, Moment)> {
        self.pending.get(&id).copied()
    }

    pub fn clips_waiting(&self) -> usize {
        self.pending.len()
    }

    pub fn all_words(&self) -> &[Words] {
        &self.words
    }

    /// Words spoken after `from`, those that had already begun excluded.
    pub fn words_since(&self, from: Moment) -> impl Iterator<Item = &Words> {
        self.words.iter().filter(move |w| !w.transcript.text.trim().is_empty() && w.belong_after(from))
    }

    /// Everything a voice said after `from`, what could not be written down included.
    pub fn utterances_since(&self, from: Moment) -> impl Iterator<Item = &Words> {
        self.words.iter().filter(move |w| {
            let voice = !w.transcript.text.trim().is_empty()
                || w.transcript.doubt.as_deref().is_some_and(|d| d.starts_with("unsure"));
            voice && w.belong_after(from)
        })
    }

    pub fn words_before(&self, until: Moment) -> impl Iterator<Item = &Words> {
        self.words.iter().filter(move |w| !w.transcript.text.trim().is_empty() && !w.belong_after(until))
    }

    pub fn tones_since(&self, from: Moment) -> impl Iterator<Item = &Tone> {
        self.tones.iter().filter(move |t| t.to > from)
    }

    /// Could words spoken before `limit` still come? Then nobody may say that they were not spoken.
    pub fn undecided_before(&self, limit: Moment) -> bool {
        let speaking_since = match self.sounding {
            Some((HeardKind::Speech, since)) => since < limit,
            _ => false,
        };
        speaking_since || self.pending.values().any(|&(from, _)| from < limit)
    }

    pub fn is_speaking(&self) -> bool {
        matches!(self.sounding, Some((HeardKind::Speech, _)))
    }

    /// The kind of sound going on now.
    pub fn sounding(&self) -> Option<(HeardKind, Moment)> {
        self.sounding
    }

    /// How long nothing has been audible; `None` while something is.
    pub fn quiet_for(&self, now: Moment) -> Option<Duration> {
        self.sounding.is_none().then(|| now.since(self.quiet_since))
    }

    pub fn quiet_since(&self) -> Option<Moment> {
        self.sounding.is_none().then_some(self.quiet_since)
    }

    pub fn ever_audible(&self) -> bool {
        self.first_audible.is_some()
    }

    /// Speech, music or a tone that began after `from` (or goes on since before it, for music and tones).
    pub fn audible_since(&self, from: Moment) -> bool {
        let going_on = match self.sounding {
            Some((HeardKind::Speech, since)) => since + ONSET_TOLERANCE >= from,
            Some(_) => true,
            None => false,
        };
        going_on
            || self.words_since(from).next().is_some()
            || self.pending.values().any(|&(f, t)| belongs_after(f, t, from))
            || self.tones_since(from).any(|t| t.kind != HeardKind::Noise)
    }

    /// The prompt since `from` read as one text: clips are cut at pauses, and options do not care for pauses.
    pub fn prompt_since(&self, from: Moment, context: &understanding::Context) -> Prompt {
        let words: Vec<&Words> = self.words_since(from).collect();
        Prompt::join(&words, context)
    }
}

/// Does a stretch of sound belong to what follows `boundary`? Its greater part must.
fn belongs_after(from: Moment, to: Moment, boundary: Moment) -> bool {
    if from + ONSET_TOLERANCE >= boundary {
        return true;
    }
    to > boundary && to.since(boundary) > boundary.since(from) * 2
}

/// Several clips read as one prompt.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub text: String,
    pub lang: Lang,
    pub reading: Reading,
    pub from: Moment,
    pub to: Moment,
}

impl Prompt {
    pub(super) fn join(words: &[&Words], context: &understanding::Context) -> Prompt {
        let lang = words.last().map_or(Lang::En, |w| w.transcript.lang);
        let context = understanding::Context { lang: Some(lang), ..context.clone() };
        let from = words.first().map_or(Moment::START, |w| w.from);
        let to = words.last().map_or(Moment::START, |w| w.to);
        // A pause may stand inside an option ("for sales … press 1") or between two: both readings are tried and
        // the one that finds more options is kept.
        let as_heard = joined(words, false);
        let as_one = joined(words, true);
        let reading_heard = understanding::read(&as_heard, &context);
        let reading_one = understanding::read(&as_one, &context);
        let (text, reading) = if distinct_keys(&reading_one) > distinct_keys(&reading_heard) {
            (as_one, reading_one)
        } else {
            (as_heard, reading_heard)
        };
        Prompt { text, lang, reading, from, to }
    }

    /// The keys heard as options.
    pub fn offers(&self, key: char) -> Option<&str> {
        self.reading
            .options
            .iter()
            .find(|o| matches!(o.key, OptionKey::Press(k) if k.symbol() == key))
            .map(|o| o.label.as_str())
    }

    pub fn is_menu(&self) -> bool {
        matches!(self.reading.kind, PromptKind::Menu | PromptKind::LanguageMenu) || !self.reading.options.is_empty()
    }
}

fn distinct_keys(reading: &Reading) -> usize {
    let mut keys: Vec<String> = reading.options.iter().map(|o| o.key.to_string()).collect();
    keys.sort();
    keys.dedup();
    keys.len()
}

fn joined(words: &[&Words], pauses_are_commas: bool) -> String {
    let mut text = String::new();
    for w in words {
        let piece = w.transcript.text.trim();
        if !text.is_empty() {
            let chinese = w.transcript.lang == Lang::Zh;
            if pauses_are_commas {
                let kept = text.trim_end_matches(['.', '。', ',', '，', ' ']).len();
                text.truncate(kept);
                text.push_str(if chinese { "，" } else { ", " });
            } else if text.ends_with(|c: char| c.is_alphanumeric()) {
                text.push_str(if chinese { "，" } else { ", " });
            } else if !chinese {
                text.push(' ');
            }
        }
        text.push_str(piece);
    }
    text
}
