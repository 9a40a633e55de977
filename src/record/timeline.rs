//! The text picture of one call: what happened, when, and what it came to.
//!
//! ```text
//!   0.000  dial       sip:4001@127.0.0.1 by trunk lab
//!   3.920  answered   PCMA, telephone-event 101
//!   4.400  speech     "欢迎致电…查询订单请按1,人工服务请按0"          0.94
//!   9.900  press      0          chosen for "人工服务"
//!          verdict    FAIL  dead end after 0      evidence 9.900–18.020
//! ```
//!
//! Times count from the INVITE, as in the record.

use super::sentences::said;
use super::sheet::{Ink, Sheet};
use super::timeline_words::{self as words, say};
use super::wrap::{columns, pad};
use crate::vocabulary::heard::SoundDetail;
use crate::vocabulary::trace::{Effect, EndedBy, KeyMethod, Meaning, TransferState};
use crate::vocabulary::{Event, Finding, HeardKind, Judgement, Moment, Outcome, Trace, Transcript, Verdict, What};
use std::time::Duration;

pub use super::sheet::{Style, Tongue};

/// A pause between two sentences is no event.
const SILENCE_SHOWN: Duration = Duration::from_millis(2_000);
/// Sound cut off at full scale is told from so much of it on.
const CLIPPED_TOLD: f64 = 0.001;

/// Draws line by line while the call goes on.
pub struct Timeline {
    sheet: Sheet,
    trunk: Option<String>,
    steps: Vec<String>,
    keys: Vec<String>,
    /// Effects known beforehand: then they stand on the line of their key.
    effects: Option<Vec<Option<Effect>>>,
    /// Speech that was heard and not yet written down.
    unwritten: Vec<(Moment, Moment)>,
    found: Vec<Finding>,
}

impl Timeline {
    pub fn new(style: Style) -> Timeline {
        Timeline {
            sheet: Sheet { style, dialled: None },
            trunk: None,
            steps: Vec::new(),
            keys: Vec::new(),
            effects: None,
            unwritten: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Named behind the target on the first line.
    pub fn by_trunk(mut self, trunk: impl Into<String>) -> Timeline {
        self.trunk = Some(trunk.into());
        self
    }

    /// Lines for one event, each ended by a newline; empty when the event is not shown.
    pub fn event(&mut self, event: &Event) -> String {
        let at = event.at;
        let tongue = self.sheet.style.tongue;
        let word = |both| say(tongue, both);
        match &event.what {
            What::Dialled { target } => {
                self.sheet.dialled.get_or_insert(at);
                let by = word((" by trunk ", " 经中继 "));
                let trunk = self.trunk.as_ref().map(|trunk| format!("{by}{trunk}")).unwrap_or_default();
                self.sheet.line(at, Ink::Plain, word(("dial", "拨号")), &format!("{target}{trunk}"), "")
            }
            What::Authenticated { status } => {
                let text = format!("{status}{}", word((", credentials sent", "，已发送凭据")));
                self.sheet.line(at, Ink::Dim, word(("challenged", "要求认证")), &text, "")
            }
            What::Place { address, found, left: None } => {
                self.sheet.line(at, Ink::Dim, word(("place", "地址")), &joined(&[address, found]), "")
            }
            What::Place { address, found, left: Some(left) } => {
                let text = joined(&[&format!("{left} → {address}"), found]);
                self.sheet.line(at, Ink::Odd, word(("next place", "换下一地址")), &text, "")
            }
            What::Trying | What::FirstMedia => String::new(),
            What::KeyUnheard { .. } => String::new(),
            What::StepBegan { index, text } => {
                if self.steps.len() <= *index {
                    self.steps.resize(*index + 1, String::new());
                }
                self.steps[*index] = text.clone();
                String::new()
            }
            What::Provisional { status, reason, early_media_offered } => {
                let label = match status {
                    180 => ("ringing", "振铃"),
                    181 => ("forwarded", "前转"),
                    182 => ("queued", "排队"),
                    _ => ("progress", "进展"),
                };
                let status = if *status == 180 { String::new() } else { format!("{status} {reason}") };
                let media = if *early_media_offered { word(("early media offered", "提供早期媒体")) } else { "" };
                self.sheet.line(at, Ink::Dim, word(label), &joined(&[&status, media]), "")
            }
            What::EarlyMedia => self.sheet.line(
                at,
                Ink::Dim,
                word(("early", "早期媒体")),
                word(("media before the answer", "接通前已有声音")),
                "",
            ),
            What::Answered { codec, telephone_event } => {
                let event = telephone_event.map(|pt| format!("telephone-event {pt}"));
                let keys = event.unwrap_or_else(|| word(("no telephone-event", "无 telephone-event")).to_string());
                self.sheet.line(at, Ink::Good, word(("answered", "接通")), &format!("{codec}, {keys}"), "")
            }
            What::Rejected { status, reason, q850 } => {
                let cause = q850.map(|q850| format!("Q.850 {q850}")).unwrap_or_default();
                let text = joined(&[&format!("{status} {reason}"), &cause]);
                self.sheet.line(at, Ink::Bad, word(("rejected", "被拒")), &text, "")
            }
            What::NoResponse => self.sheet.line(
                at,
                Ink::Bad,
                word(("no answer", "没有响应")),
                word(("not one byte came back", "没有收到任何数据")),
                "",
            ),
            What::TransportFailed { detail } => {
                self.sheet.line(at, Ink::Bad, word(("transport", "传输失败")), &said(tongue, detail), "")
            }
            What::Secured { suite } => self.sheet.line(at, Ink::Good, "SRTP", suite, ""),
            What::MediaFailed { detail } => self.sheet.line(at, Ink::Bad, word(("no media", "媒体失败")), detail, ""),
            What::DnsFailed { detail } => self.sheet.line(at, Ink::Bad, "DNS", detail, ""),
            What::AuthFailed { status, reason } => {
                self.sheet.line(at, Ink::Bad, word(("refused us", "认证失败")), &format!("{status} {reason}"), "")
            }
            What::Sound { from, to, kind, detail } => self.sound(*from, *to, *kind, detail),
            What::Words { from, to, transcript, meaning } => self.words(*from, *to, transcript, meaning),
            What::Printed { .. } => String::new(),
            What::Recognised { text, .. } => {
                let text = format!("\"{}\"", text.trim());
                self.sheet.line(at, Ink::Dim, word(("known", "听过")), &text, "")
            }
            What::Pressed { key, label, sure, method, from, .. } => {
                self.keys.push(key.to_string());
                let known =
                    self.effects.as_ref().and_then(|effects| effects.get(self.keys.len() - 1).copied().flatten());
                let mut text = key.to_string();
                if let Some(label) = label {
                    let chosen = word(("chosen for", "选择"));
                    text = format!("{}{chosen} \"{label}\"", pad(&text, 11));
                }
                if *sure < 100 {
                    text = joined(&[&text, word(("by the order of the others", "按其他选项的顺序推断"))]);
                }
                if *method != KeyMethod::Rfc4733 {
                    let way = if *method == KeyMethod::Info { "SIP INFO" } else { word(("in-band", "带内")) };
                    text = joined(&[&text, way]);
                }
                if let Some(effect) = known {
                    text = format!("{text} → {}", word(words::effect(effect)));
                }
                self.sheet.line(*from, Ink::Key, word(("press", "按键")), &text, "")
            }
            What::KeyEffect { index, effect } => {
                if self.effects.is_some() {
                    return String::new();
                }
                let ink = match effect {
                    Effect::NewPrompt | Effect::Transfer => Ink::Dim,
                    _ => Ink::Odd,
                };
                let key = self.keys.get(*index).map_or("?", String::as_str);
                self.sheet.line(
                    at,
                    ink,
                    word(("effect", "效果")),
                    &format!("{key} → {}", word(words::effect(*effect))),
                    "",
                )
            }
            What::StepDone { index, detail } => {
                let text = joined(&[self.step(*index), &said(tongue, detail)]);
                self.sheet.line(at, Ink::Dim, word(("done", "完成")), &text, "")
            }
            What::StepFailed { index, detail } => {
                let text = joined(&[self.step(*index), &said(tongue, detail)]);
                self.sheet.line(at, Ink::Bad, word(("failed", "未成功")), &text, "")
            }
            What::Found(finding) => {
                let finding = finding.clone();
                let drawn = self.finding(Some(at), &finding);
                self.found.push(finding);
                drawn
            }
            What::Human { from, why } => {
                self.sheet.line(*from, Ink::Good, word(("person", "真人")), &said(tongue, why), "")
            }
            What::FarKey { key } => self.sheet.line(at, Ink::Dim, word(("far key", "对方按键")), &key.to_string(), ""),
            What::FarRefer { to } => self.sheet.line(at, Ink::Dim, word(("referred", "转介")), to, ""),
            What::Transfer { to, state } => {
                let (ink, said) = match state {
                    TransferState::Declined(why) => {
                        (Ink::Dim, format!("{} {why}", word(("not followed:", "未跟随："))))
                    }
                    TransferState::Calling => (Ink::Plain, word(("being called", "正在呼叫")).to_string()),
                    TransferState::Answered => (Ink::Good, word(("answered there", "已接通")).to_string()),
                    TransferState::Failed(why) => (Ink::Odd, why.clone()),
                };
                self.sheet.line(at, ink, word(("transfer", "转接")), &joined(&[to, &said]), "")
            }
            What::Redirected { status, to, refused } => {
                let (ink, why) = match refused {
                    None => (Ink::Plain, String::new()),
                    Some(why) => (Ink::Odd, format!("{} {why}", word(("not followed:", "未跟随：")))),
                };
                let text = joined(&[&format!("{status} → {to}"), &why]);
                self.sheet.line(at, ink, word(("sent on", "改呼")), &text, "")
            }
            What::CalledBy { from } => {
                self.sheet.dialled.get_or_insert(at);
                self.sheet.line(at, Ink::Plain, word(("called", "来电")), from, "")
            }
            What::CodeGiven { for_call } => {
                let text = format!("{} {for_call}", word(("the code of the call", "验证码对应的呼叫")));
                self.sheet.line(at, Ink::Good, word(("code", "验证码")), &text, "")
            }
            What::AwaitingCall { until } => {
                let text = format!("{} {}", word(("a call back, for", "回电，最长")), span(until.since(at)));
                self.sheet.line(at, Ink::Dim, word(("waits for", "等待")), &text, "")
            }
            What::CalledBack { call, from } => {
                self.sheet.line(at, Ink::Good, word(("call back", "已回电")), &joined(&[from, call]), "")
            }
            What::HangingUp { why } => {
                self.sheet.line(at, Ink::Plain, word(("hang up", "挂断")), word(words::reason(*why)), "")
            }
            What::Ended { by: EndedBy::Us, .. } => String::new(),
            What::Ended { by: EndedBy::Them, status, reason, q850 } => {
                let cause = q850.map(|q850| format!("Q.850 {q850}")).unwrap_or_default();
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                let reason = reason.clone().unwrap_or_default();
                let text = joined(&[word(("by the hotline", "由对方")), format!("{status} {reason}").trim(), &cause]);
                self.sheet.line(at, Ink::Odd, word(("hung up", "被挂断")), &text, "")
            }
            What::Media(media) => {
                let lost = format!("{} {}", media.lost, word(("lost", "丢失")));
                let packets = format!("{} {}", media.rtp_received, word(("packets", "个包")));
                let jitter = format!("{} {:.1} ms", word(("jitter", "抖动")), media.jitter_ms);
                let discarded = match media.discarded_late {
                    0 => String::new(),
                    late => format!("{late} {}", word(("too late", "迟到"))),
                };
                let mos = media.mos_lq.map_or("MOS n/a".to_string(), |mos| format!("MOS {mos:.1}"));
                let clipped = match media.clipped_ratio {
                    ratio if ratio > CLIPPED_TOLD => format!("{} {:.1} %", word(("clipped", "削波")), ratio * 100.0),
                    _ => String::new(),
                };
                let one_way = if media.one_way {
                    word(("one-way: nothing audible came", "单通：没有听到声音"))
                } else {
                    ""
                };
                let ink = if media.one_way { Ink::Odd } else { Ink::Dim };
                let text = joined(&[&media.codec, &packets, &lost, &discarded, &jitter, &mos, &clipped, one_way]);
                self.sheet.line(at, ink, word(("media", "媒体")), &text, "")
            }
            What::OurFault { detail } => {
                self.sheet.line(at, Ink::Bad, word(("our fault", "本方故障")), &said(tongue, detail), "")
            }
        }
    }

    /// The closing lines: speech nobody wrote down, findings not shown yet, the verdict with its evidence.
    pub fn finish(&mut self, judgement: &Judgement) -> String {
        let mut text = String::new();
        let tongue = self.sheet.style.tongue;
        for (from, to) in std::mem::take(&mut self.unwritten) {
            let detail = format!("{} {}", span(to.since(from)), say(tongue, ("not written down", "未转写")));
            text.push_str(&self.sheet.line(from, Ink::Dim, say(tongue, words::sound(HeardKind::Speech)), &detail, ""));
        }
        for finding in &judgement.findings {
            if !self.found.iter().any(|seen| seen.kind == finding.kind && seen.detail == finding.detail) {
                text.push_str(&self.finding(None, finding));
            }
        }
        let ink = match judgement.verdict {
            Verdict::Pass => Ink::Good,
            Verdict::Fail => Ink::Bad,
            Verdict::Inconclusive => Ink::Odd,
        };
        let word = self.sheet.paint(Ink::Bold, &self.sheet.paint(ink, say(tongue, words::verdict(judgement.verdict))));
        let outcome = say(tongue, words::outcome(judgement.outcome));
        let because = said(tongue, judgement.because.trim());
        let because = match because.as_ref() {
            "" => outcome.to_string(),
            because if judgement.verdict == Verdict::Pass => because.to_string(),
            because if because.starts_with(outcome) => because.to_string(),
            // The call itself went well; what was found in it is what failed it.
            because
                if matches!(
                    judgement.outcome,
                    Outcome::Completed | Outcome::AnsweredMachine | Outcome::AnsweredHuman
                ) =>
            {
                because.to_string()
            }
            because => format!("{outcome}: {because}"),
        };
        let (from, to) = judgement.evidence;
        let evidence =
            format!("{} {}–{}", say(tongue, ("evidence", "证据")), self.sheet.time(from), self.sheet.time(to));
        let label = say(tongue, ("verdict", "判定"));
        text.push_str(&self.sheet.verdict(
            label,
            &word,
            say(tongue, words::verdict(judgement.verdict)),
            &because,
            &evidence,
        ));
        text
    }

    fn sound(&mut self, from: Moment, to: Moment, kind: HeardKind, detail: &SoundDetail) -> String {
        let tongue = self.sheet.style.tongue;
        let long = to.since(from);
        let label = say(tongue, words::sound(kind));
        let ink = match kind {
            HeardKind::Speech => {
                self.unwritten.push((from, to));
                return String::new();
            }
            HeardKind::Silence if long < SILENCE_SHOWN => return String::new(),
            HeardKind::Noise if long < SILENCE_SHOWN => return String::new(),
            HeardKind::Silence | HeardKind::Busy | HeardKind::Congestion | HeardKind::Sit | HeardKind::Fax => Ink::Odd,
            _ => Ink::Dim,
        };
        let dead = if detail.digital_silence { say(tongue, ("not even noise", "连底噪也没有")) } else { "" };
        let key = detail.key.map(|key| key.to_string()).unwrap_or_default();
        let sit = detail.sit.map(|sit| format!("{sit:?}")).unwrap_or_default();
        let hz = match detail.hz.as_slice() {
            [] => String::new(),
            hz => format!("{} Hz", hz.iter().map(|hz| format!("{hz:.0}")).collect::<Vec<_>>().join("+")),
        };
        let text = joined(&[&key, &span(long), &sit, &hz, &detail.plans.join("/"), dead]);
        self.sheet.line(from, ink, label, &text, "")
    }

    fn words(&mut self, from: Moment, to: Moment, transcript: &Transcript, meaning: &Meaning) -> String {
        let tongue = self.sheet.style.tongue;
        self.unwritten.retain(|(began, ended)| !(*began < to && from < *ended));
        let label = say(tongue, words::sound(HeardKind::Speech));
        if transcript.text.trim().is_empty() {
            let doubt = transcript.doubt.clone().unwrap_or_default();
            let text = joined(&[say(tongue, ("no words", "没有词语")), &span(to.since(from)), &doubt]);
            return self.sheet.line(from, Ink::Dim, label, &text, "");
        }
        let heard = format!("\"{}\"", transcript.text.trim());
        let mut text = self.sheet.line(from, Ink::Plain, label, &heard, &format!("{:.2}", transcript.confidence));
        if transcript.raw.trim() != transcript.text.trim() && !transcript.raw.trim().is_empty() {
            let raw = format!("{} \"{}\"", say(tongue, ("heard as", "原始识别")), transcript.raw.trim());
            text.push_str(&self.sheet.under(Ink::Dim, &raw));
        }
        let kind = say(tongue, words::prompt(&meaning.kind));
        let options: Vec<String> = meaning.options.iter().map(|(key, label)| format!("{key} {label}")).collect();
        let head = match (kind, options.is_empty()) {
            ("", true) => return text,
            (kind, true) => kind.to_string(),
            ("", false) => format!("{}:", say(tongue, words::prompt("menu"))),
            (kind, false) => format!("{kind}:"),
        };
        // An option stays on one line where it fits.
        let mut lines = vec![format!("→ {head}")];
        for (number, option) in options.iter().enumerate() {
            let last = lines.last_mut().expect("never empty");
            if number > 0 && columns(last) + 3 + columns(option) > self.sheet.room() {
                lines.push(format!("  {option}"));
            } else {
                last.push_str(if number > 0 { " · " } else { " " });
                last.push_str(option);
            }
        }
        lines.iter().for_each(|line| text.push_str(&self.sheet.under(Ink::Key, line)));
        text
    }

    fn finding(&self, at: Option<Moment>, finding: &Finding) -> String {
        let tongue = self.sheet.style.tongue;
        let ink = if finding.score >= 60 { Ink::Bad } else { Ink::Odd };
        let kind = say(tongue, words::finding(finding.kind));
        let which = match finding.dead_end {
            Some(which) if tongue == Tongue::Chinese => format!("{kind}（{}）", words::dead_end(which).1),
            Some(which) => format!("{kind} ({})", which.word().replace('_', " ")),
            None => kind.to_string(),
        };
        let quote = finding.quote.as_ref().map(|quote| format!("\"{quote}\"")).unwrap_or_default();
        let since = finding.expired_on.as_ref().map(|day| format!("{} {day}", say(tongue, ("expired on", "过期于"))));
        let text =
            format!("{which}: {}", joined(&[&said(tongue, &finding.detail), &quote, &since.unwrap_or_default()]));
        let score = format!("{}", finding.score);
        self.sheet.line_at(at, ink, say(tongue, ("found", "发现")), &text, &score)
    }

    fn step(&self, index: usize) -> &str {
        self.steps.get(index).map_or("", String::as_str)
    }
}

/// The whole picture at once, sorted by when things began: for `replay`, reports and golden tests.
pub fn draw(trace: &Trace, judgement: &Judgement, trunk: Option<&str>, style: &Style) -> String {
    let mut timeline = Timeline::new(style.clone());
    timeline.trunk = trunk.map(str::to_string);
    timeline.effects = Some(effects(trace));
    let covered = |from: Moment, to: Moment| {
        trace.events.iter().any(|event| match event.what {
            What::Words { from: began, to: ended, .. } => began < to && from < ended,
            _ => false,
        })
    };
    let mut events: Vec<&Event> = trace.events.iter().collect();
    events.sort_by_key(|event| began(event));
    let mut text = String::new();
    for event in events {
        match &event.what {
            // The words stand for it; speech without words is shown in its place.
            What::Sound { from, to, kind: HeardKind::Speech, .. } if !covered(*from, *to) => {
                let tongue = style.tongue;
                let detail = format!("{} {}", span(to.since(*from)), say(tongue, ("not written down", "未转写")));
                text.push_str(&timeline.sheet.line(
                    *from,
                    Ink::Dim,
                    say(tongue, words::sound(HeardKind::Speech)),
                    &detail,
                    "",
                ));
            }
            What::Sound { kind: HeardKind::Speech, .. } => {}
            _ => text.push_str(&timeline.event(event)),
        }
    }
    text.push_str(&timeline.finish(judgement));
    text
}

fn effects(trace: &Trace) -> Vec<Option<Effect>> {
    let mut effects = Vec::new();
    for event in &trace.events {
        match &event.what {
            What::Pressed { .. } => effects.push(None),
            What::KeyEffect { index, effect } => {
                if let Some(known) = effects.get_mut(*index) {
                    *known = Some(*effect);
                }
            }
            _ => {}
        }
    }
    effects
}

fn began(event: &Event) -> Moment {
    match &event.what {
        What::Sound { from, .. } | What::Words { from, .. } | What::Pressed { from, .. } | What::Human { from, .. } => {
            *from
        }
        _ => event.at,
    }
}

fn span(long: Duration) -> String {
    format!("{:.1} s", long.as_secs_f64())
}

/// The parts that say something, with commas.
fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.trim().is_empty()).copied().collect::<Vec<_>>().join(", ")
}
