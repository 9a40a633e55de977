//! One stay at one place: what has been heard since the last key, and what it comes to.

use super::routes::names_a_person;
use crate::journey::attention::{Attention, Prompt, Words};
use crate::journey::script::Scene;
use crate::understanding::tree::alike::{self, Sounds};
use crate::understanding::tree::{Direction, Ending, PlaceKind, Seen, Sign, direction};
use crate::understanding::{self, MenuOption, PromptKind, TextFindingKind};
use crate::vocabulary::{DeadEnd, HeardKind, Lang, Moment, Sketch};
use std::time::Duration;

/// A prompt heard for the first time has ended after this pause: longer than people pause between options.
pub const PROMPT_OVER: Duration = Duration::from_millis(2_500);
/// Nothing at all for this long after a prompt or a key (the machine test of dead ends).
pub const SILENT: Duration = Duration::from_secs(10);
/// A transfer may be quiet for longer.
const SILENT_IN_TRANSFER: Duration = Duration::from_secs(20);
/// A tone or music must last this long to mean something.
const SOUND_MIN: Duration = Duration::from_millis(800);
const TONE_ENOUGH: Duration = Duration::from_secs(4);
/// Ringing for so long after a transfer without anybody.
const NOBODY_AFTER: Duration = Duration::from_secs(60);
/// Music for so long is a queue.
const MUSIC_IS_QUEUE: Duration = Duration::from_secs(5);
/// A queue whose announced position has not fallen in this time does not move.
const POSITION_STANDS: Duration = Duration::from_secs(300);
/// Two stretches this alike, in which nothing else is said, are one thing said twice.
const SAME_WORDS: f32 = 0.85;
/// Ringing is given a minute; nothing else that is not a queue takes longer than this.
const STAY_LONGEST: Duration = Duration::from_secs(150);
/// Put off and hung up on within this.
const PUT_OFF: Duration = Duration::from_secs(8);
/// A menu that hangs up sooner than this after its options gave no time to choose.
const TIME_TO_CHOOSE: Duration = Duration::from_secs(2);

/// Said by what takes messages, whatever became of the rest of its words.
const ENDS_A_MESSAGE: &[&str] = &["留言结束", "结束留言", "录音结束", "滴声后", "after the tone", "after the beep"];
/// A short stretch that speaks of people among options is one of them.
const PEOPLE: &[&str] =
    &["人工服务", "人工客服", "人工座席", "转人工", "话务员", "operator", "representative", "receptionist"];
const OFFER_LONGEST: usize = 40;

/// Why a stay is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Heard to its end; keys may be pressed, or there is nothing more to wait for.
    Heard,
    HungUp,
    Silent,
    Person,
    /// Ringing, busy or worse after a transfer.
    Nobody,
    PingPong,
    EndlessQueue,
    /// The same notice three times.
    Repeats,
    /// Our own limit came first.
    OurLimit,
}

/// Everything said since the last key.
pub struct Stay<'a> {
    pub arrived: Moment,
    /// Without a second round of the same prompt.
    pub words: Vec<&'a Words>,
    /// A known prompt that is being said now, as it will be if it is still what it was. Only places are recognised by it:
    /// what is said of a hotline was heard.
    pub foreseen: Option<&'a Words>,
    /// How often the first thing said has been said.
    pub rounds: usize,
    /// The prompt began again, or a complaint followed it: its first round is over, however late its words came.
    pub came_again: bool,
    attention: &'a Attention,
    now: Moment,
}

impl<'a> Stay<'a> {
    /// `skip`: stretches at the beginning that belong to the place before.
    pub fn new(arrived: Moment, skip: usize, scene: &Scene<'a>) -> Stay<'a> {
        let all: Vec<&Words> = scene.attention.words_since(arrived).skip(skip).collect();
        let heard = all.len();
        let (words, rounds) = first_round(all);
        let came_again = words.len() < heard;
        let foreseen = scene.attention.foreseen_since(arrived).filter(|_| !came_again);
        Stay { arrived, words, foreseen, rounds, came_again, attention: scene.attention, now: scene.now }
    }

    pub fn clips(&self) -> Vec<String> {
        self.words.iter().map(|w| w.transcript.text.trim().to_string()).collect()
    }

    /// The same with what is being said, where that is known.
    pub fn clips_foreseen(&self) -> Vec<String> {
        let foreseen = self.foreseen.map(|w| w.transcript.text.trim().to_string());
        self.clips().into_iter().chain(foreseen).collect()
    }

    pub fn lang(&self) -> Lang {
        self.words.last().copied().or(self.foreseen).map_or(Lang::En, |w| w.transcript.lang)
    }

    pub fn kinds(&self) -> impl DoubleEndedIterator<Item = PromptKind> {
        self.words.iter().map(|w| w.reading.kind)
    }

    /// The menu's complaint about a key, or about none: `Some(true)` when it can only be about a key.
    pub fn refusal(&self) -> Option<bool> {
        let first = self.words.first().copied().or(self.foreseen)?;
        match first.reading.kind {
            PromptKind::InvalidInput => Some(true),
            _ if is_refusal(first) => Some(false),
            _ => None,
        }
    }

    pub fn prompt(&self, context: &understanding::Context) -> Prompt {
        Prompt::join(&self.words, context)
    }

    /// Silence since the last sound, nothing left to be written down.
    pub fn quiet_for(&self) -> Option<Duration> {
        (!self.attention.undecided_before(self.now)).then(|| self.attention.quiet_for(self.now)).flatten()
    }

    /// The prompt has been said once, and its words are there.
    pub fn is_said(&self) -> bool {
        self.came_again || self.has_fallen_quiet()
    }

    /// Nothing more is being said: silence, or music for long enough.
    pub fn has_fallen_quiet(&self) -> bool {
        if self.attention.undecided_before(self.now) {
            return false;
        }
        let music = matches!(self.attention.sounding(), Some((kind, since)) if kind != HeardKind::Speech && self.now.since(since) >= PROMPT_OVER);
        music || self.attention.quiet_for(self.now).is_some_and(|q| q >= PROMPT_OVER)
    }

    fn tones(&self, kind: HeardKind) -> impl Iterator<Item = Duration> {
        let arrived = self.arrived;
        self.attention
            .tones_since(arrived)
            .filter(move |t| t.kind == kind && t.from + Duration::from_millis(200) >= arrived)
            .map(|t| t.to.since(t.from))
            .filter(|d| *d >= SOUND_MIN)
    }

    fn total(&self, kind: HeardKind) -> Duration {
        self.tones(kind).sum()
    }

    pub fn is_led_on(&self) -> bool {
        [HeardKind::Ringback, HeardKind::Music, HeardKind::Busy, HeardKind::Congestion, HeardKind::Sit]
            .into_iter()
            .any(|kind| self.tones(kind).next().is_some())
    }

    /// Longer than anything but a queue takes.
    pub fn drags_on(&self) -> bool {
        !self.is_queue() && self.now.since(self.arrived) >= STAY_LONGEST
    }

    fn says_transfer(&self) -> bool {
        self.kinds().any(|k| k == PromptKind::Transfer)
    }

    pub fn is_queue(&self) -> bool {
        self.queued_since().is_some()
    }

    fn queued_since(&self) -> Option<Moment> {
        let by_words = self.words.iter().find(|w| w.reading.kind.is_queue()).map(|w| w.from);
        let by_music = (self.total(HeardKind::Music) >= MUSIC_IS_QUEUE)
            .then(|| self.attention.tones_since(self.arrived).find(|t| t.kind == HeardKind::Music).map(|t| t.from))
            .flatten();
        [by_words, by_music].into_iter().flatten().min()
    }

    /// Whether this stay has come to its end, judged by what was heard so far. `Heard` is for the caller to say.
    pub fn is_over(&self, queue_limit: Duration) -> Option<Over> {
        // Its bursts may be told one by one.
        let refused: Duration = self
            .attention
            .tones_since(self.arrived)
            .filter(|t| matches!(t.kind, HeardKind::Busy | HeardKind::Congestion))
            .map(|t| t.to.since(t.from.max(self.arrived)))
            .sum();
        if refused >= TONE_ENOUGH {
            return Some(Over::Nobody);
        }
        if self.goes_to_and_fro() {
            return Some(Over::PingPong);
        }
        if let Some(since) = self.queued_since() {
            if self.now.since(since) >= queue_limit || self.stands_still() {
                return Some(Over::EndlessQueue);
            }
        } else if self.total(HeardKind::Ringback) >= NOBODY_AFTER {
            return Some(Over::Nobody);
        } else if self.rounds >= 3 {
            let put_through = self.tones(HeardKind::Ringback).count() >= 2;
            return Some(if put_through { Over::PingPong } else { Over::Repeats });
        }
        let limit = if self.says_transfer() { SILENT_IN_TRANSFER } else { SILENT };
        let quiet = self.quiet_for().map(|q| q.min(self.now.since(self.arrived)));
        (quiet? >= limit).then_some(Over::Silent)
    }

    /// Put through twice, and a notice came again that another had followed.
    fn goes_to_and_fro(&self) -> bool {
        if self.words.iter().any(|w| w.reading.kind.is_queue()) {
            return false;
        }
        let rings: Vec<_> = self
            .attention
            .tones_since(self.arrived)
            .filter(|t| matches!(t.kind, HeardKind::Ringback | HeardKind::Music) && t.to.since(t.from) >= SOUND_MIN)
            .collect();
        let all: Vec<&Words> = self.attention.words_since(self.arrived).collect();
        let put_through = all.iter().any(|w| w.reading.kind == PromptKind::Transfer) || rings.len() >= 2;
        put_through
            && all.iter().enumerate().any(|(i, first)| {
                all[i + 1..].iter().enumerate().any(|(gap, again)| {
                    let between = &all[i + 1..i + 1 + gap];
                    same_words(first, again)
                        && between.iter().any(|other| !same_words(first, other))
                        && rings.iter().filter(|t| t.from >= first.from && t.to <= again.from + SOUND_MIN).count() >= 2
                })
            })
    }

    fn stands_still(&self) -> bool {
        let all: Vec<(Moment, u32)> = self
            .attention
            .words_since(self.arrived)
            .filter_map(|w| Some((w.from, w.reading.waiting.as_ref()?.ahead?)))
            .collect();
        let (Some((from, first)), Some((to, last))) = (all.first(), all.last()) else { return false };
        to.since(*from) >= POSITION_STANDS && last >= first
    }

    /// Asks for something we have not got, or takes a message: there is nothing to wait for.
    pub fn asks_for_input(&self) -> bool {
        self.kinds().any(|k| matches!(k, PromptKind::InputRequest | PromptKind::Survey))
    }

    pub fn takes_messages(&self) -> bool {
        self.words.iter().any(|w| w.reading.kind == PromptKind::Voicemail && !offers_to_take_one(&w.reading.options))
            || self.words.iter().any(|w| {
                let text = w.transcript.text.to_lowercase();
                ENDS_A_MESSAGE.iter().any(|said| text.contains(said))
            })
    }

    /// A person was offered and the key for it was not understood: the words of that offer.
    fn offer_without_key(&self, options: &[(String, String)]) -> Option<String> {
        if options.len() < 2 || options.iter().any(|(key, label)| key == "0" || names_a_person(label)) {
            return None;
        }
        let offers = |w: &&&Words| {
            let text = w.transcript.text.to_lowercase();
            let short = text.chars().filter(|c| c.is_alphanumeric()).count() <= OFFER_LONGEST;
            let spoken_of = PEOPLE.iter().any(|said| text.contains(said));
            w.reading.options.is_empty() && !w.reading.kind.is_queue() && short && spoken_of
        };
        let transfer = self.says_transfer();
        self.words.iter().find(offers).filter(|_| !transfer).map(|w| w.transcript.text.trim().to_string())
    }

    /// The stay as the tree takes it in.
    pub fn seen(
        &self,
        over: Over,
        call: u32,
        ended: Option<Moment>,
        person: Option<Moment>,
        context: &understanding::Context,
    ) -> Seen {
        let prompt = self.prompt(context);
        let options: Vec<(String, String)> = prompt
            .reading
            .options
            .iter()
            .filter(|o| o.is_heard())
            .map(|o| (o.key.to_string(), o.label.clone()))
            .collect();
        let (kind, ending) = self.comes_to(over, &prompt, ended, person, context);
        let menu = kind == PlaceKind::Menu || kind == PlaceKind::Queue || kind == PlaceKind::Message;
        let sign = |f: &understanding::TextFinding| Sign {
            kind: match f.kind {
                TextFindingKind::WrongHours => "wording",
                _ => "stale_prompt",
            }
            .to_string(),
            quote: f.quote.clone(),
            detail: f.detail.clone(),
            expired_on: f.expired_on.map(|d| d.to_string()),
            score: f.score,
        };
        Seen {
            call,
            kind,
            says: prompt.reading.kind.word().to_string(),
            lang: self.lang(),
            clips: self.clips(),
            whole: true,
            ending,
            offer_without_key: if menu { self.offer_without_key(&options) } else { None },
            prompt_ms: self.words.last().map_or(0, |w| w.to.since(self.arrived).as_millis() as u64),
            stay_ms: ended.unwrap_or(self.now).since(self.arrived).as_millis() as u64,
            person_ms: person.map(|at| at.since(self.arrived).as_millis() as u64),
            same_again: false,
            findings: prompt.reading.findings.iter().filter(|f| f.score >= 30).map(sign).collect(),
            options: if menu { options } else { Vec::new() },
            fingerprint: if person.is_some() { None } else { self.fingerprint() },
        }
    }

    /// How all of it sounded; `None` where some of it was not heard to its end.
    fn fingerprint(&self) -> Option<String> {
        let sketches: Option<Vec<&Sketch>> = self.words.iter().map(|words| words.sketch.as_ref()).collect();
        sketches.filter(|sketches| !sketches.is_empty()).map(|sketches| Sketch::joined(sketches).to_text())
    }

    fn comes_to(
        &self,
        over: Over,
        prompt: &Prompt,
        ended: Option<Moment>,
        person: Option<Moment>,
        context: &understanding::Context,
    ) -> (PlaceKind, Option<Ending>) {
        let quote = self.words.last().map(|w| w.transcript.raw.trim().to_string());
        let dead = |kind: DeadEnd, detail: String| Some(Ending { dead_end: Some(kind), detail, quote: quote.clone() });
        let fine = |detail: &str| Some(Ending { dead_end: None, detail: detail.into(), quote: None });
        let has = |kind: PromptKind| self.kinds().any(|k| k == kind);
        let spoken = if self.words.is_empty() { PlaceKind::End } else { PlaceKind::Message };
        if person.is_some() || over == Over::Person {
            return (PlaceKind::Human, fine("a person answered"));
        }
        if has(PromptKind::MailboxFull) {
            return (PlaceKind::Voicemail, dead(DeadEnd::MailboxFull, "the mailbox is full".into()));
        }
        let queue = self.is_queue();
        match over {
            Over::Nobody => {
                let how = if self.total(HeardKind::Ringback) >= NOBODY_AFTER {
                    "it rang and nobody came"
                } else {
                    "busy tone"
                };
                return (spoken, dead(DeadEnd::TransferToNobody, format!("put through, then {how}")));
            }
            Over::PingPong => {
                return (
                    PlaceKind::Message,
                    dead(DeadEnd::PingPong, "put through from one desk to another and back".into()),
                );
            }
            Over::EndlessQueue => {
                let waited = self.queued_since().map_or(0, |s| self.now.since(s).as_secs());
                return (
                    PlaceKind::Queue,
                    dead(DeadEnd::EndlessQueue, format!("{waited} s in the queue and nobody came")),
                );
            }
            Over::Repeats => {
                return (PlaceKind::Message, dead(DeadEnd::Loop, "the same notice again and again".into()));
            }
            _ => {}
        }
        if self.takes_messages() {
            return match understanding::open_now(context) {
                Some(true) if context.hours.as_deref().is_some_and(|h| h.trim() == "24/7") => (
                    PlaceKind::Voicemail,
                    dead(DeadEnd::VoicemailOn24hLine, "a voicemail on a line that promises 24 hours".into()),
                ),
                _ => (PlaceKind::Voicemail, fine("takes messages")),
            };
        }
        if has(PromptKind::Closed) {
            return match understanding::open_now(context) {
                Some(true) => {
                    let hours = context.hours.as_deref().unwrap_or_default();
                    (
                        spoken,
                        dead(DeadEnd::ClosedInOpenHours, format!("closed while the declared hours ({hours}) say open")),
                    )
                }
                _ => (spoken, fine("a closed notice")),
            };
        }
        let last = self.kinds().next_back();
        match over {
            Over::HungUp => {
                let at = ended.unwrap_or(self.now);
                let since_words = self.words.last().map(|w| at.since(w.to));
                let farewell = matches!(last, Some(PromptKind::Goodbye));
                if queue && !farewell && last != Some(PromptKind::Deflection) {
                    return (PlaceKind::Queue, dead(DeadEnd::QueueDrop, "hung up in the queue".into()));
                }
                let put_off = has(PromptKind::Deflection)
                    && self
                        .words
                        .iter()
                        .rposition(|w| w.reading.kind == PromptKind::Deflection)
                        .is_some_and(|i| self.words[i + 1..].iter().all(|w| w.reading.kind == PromptKind::Goodbye))
                    && since_words.is_some_and(|s| s <= PUT_OFF);
                if put_off {
                    return (
                        PlaceKind::Message,
                        dead(DeadEnd::Deflection, "the caller was put off and the line hung up".into()),
                    );
                }
                if self
                    .tones(HeardKind::Busy)
                    .chain(self.tones(HeardKind::Congestion))
                    .chain(self.tones(HeardKind::Sit))
                    .next()
                    .is_some()
                {
                    return (spoken, dead(DeadEnd::TransferToNobody, "put through to a busy or dead line".into()));
                }
                if self.total(HeardKind::Ringback) >= Duration::from_secs(15) {
                    return (
                        spoken,
                        dead(DeadEnd::TransferToNobody, "it rang, nobody came, and the line hung up".into()),
                    );
                }
                let menu = !prompt.reading.options.is_empty();
                let hasty = menu && since_words.is_some_and(|s| s <= TIME_TO_CHOOSE);
                if self.words.is_empty() || last == Some(PromptKind::Transfer) || hasty {
                    return (
                        if menu { PlaceKind::Menu } else { spoken },
                        dead(DeadEnd::UnannouncedHangup, "hung up without announcing it".into()),
                    );
                }
                (if menu { PlaceKind::Menu } else { spoken }, fine("said what it had to say and hung up"))
            }
            Over::Silent => {
                if queue {
                    return (PlaceKind::Queue, dead(DeadEnd::Silence, "silence in the queue".into()));
                }
                if last == Some(PromptKind::Goodbye) || self.asks_for_input() {
                    return (spoken, fine("nothing more to wait for"));
                }
                (spoken, dead(DeadEnd::Silence, format!("silence for {} s and the line stays open", SILENT.as_secs())))
            }
            _ if queue => (PlaceKind::Queue, fine("a queue that was not waited out")),
            _ if leads_on(prompt) => (PlaceKind::Menu, None),
            _ => (spoken, fine("heard to its end")),
        }
    }
}

/// Options that lead on make a menu; a notice that can only be left or repeated is one that says something.
pub fn is_menu(prompt: &Prompt) -> bool {
    !prompt.reading.options.is_empty()
        && !prompt.reading.kind.is_queue()
        && match prompt.reading.kind {
            PromptKind::Voicemail => offers_to_take_one(&prompt.reading.options),
            PromptKind::MailboxFull | PromptKind::InputRequest => false,
            _ => true,
        }
}

/// "Press 5 to leave a message" is an option of a menu, and takes none; "press # when you have finished" belongs to what
/// does.
fn offers_to_take_one(options: &[MenuOption]) -> bool {
    options.iter().any(|option| {
        let label = option.label.to_lowercase();
        let digit = option.key.key().is_some_and(|key| key.symbol().is_ascii_digit());
        digit && ["message", "voicemail", "voice mail", "留言"].iter().any(|word| label.contains(word))
    })
}

/// Complaints as menus word them, however the hearing wrote down "you".
pub fn is_refusal(words: &Words) -> bool {
    let text = words.transcript.text.replace(['您', '你', '的', ' '], "");
    words.reading.kind.is_refusal()
        || (words.reading.options.is_empty()
            && ["没有收到输入", "没收到输入", "未收到输入", "没有检测到输入", "没有收到按键"]
                .iter()
                .any(|w| text.contains(w)))
}

/// Some option leads further.
fn leads_on(prompt: &Prompt) -> bool {
    is_menu(prompt) && prompt.reading.options.iter().any(|o| direction(&o.label) == Direction::Onwards)
}

fn same_words(a: &Words, b: &Words) -> bool {
    let (a, b) = (Sounds::of(&a.transcript.text), Sounds::of(&b.transcript.text));
    alike::likeness(&a, &b) >= SAME_WORDS && !alike::say_otherwise(&a, &b)
}

/// Up to where the prompt begins again or complains that nothing came; and how often its beginning was heard.
fn first_round(all: Vec<&Words>) -> (Vec<&Words>, usize) {
    let long = |w: &Words| w.transcript.text.chars().filter(|c| c.is_alphanumeric()).count() >= 6;
    let same = same_words;
    let mut end = all.len();
    for i in 1..all.len() {
        let again = long(all[i]) && all[..i].iter().any(|earlier| same(earlier, all[i]));
        let options_before = all[..i].iter().any(|w| !w.reading.options.is_empty());
        if again || (options_before && is_refusal(all[i])) {
            end = i;
            break;
        }
    }
    let rounds =
        all.first().map_or(0, |first| if long(first) { all.iter().filter(|w| same(first, w)).count() } else { 1 });
    (all[..end].to_vec(), rounds)
}
