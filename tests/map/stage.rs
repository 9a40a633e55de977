//! Whole mappings at simulated time: call after call on the stage, until the survey has enough.

use chrono::{NaiveDate, NaiveDateTime};
use nightbell::hearing::prompts::known::Lesson;
use nightbell::journey::Settings;
use nightbell::journey::explore::survey::{Budget, Finished, Next, Report, Survey};
use nightbell::record::known_prompts::KnownPrompts;
use nightbell::rehearsal::Hotline;
use nightbell::rehearsal::Library;
use nightbell::rehearsal::network::Rule;
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::{HOTLINE_SIP, Play, Played, rehearse_knowing};
use nightbell::vocabulary::{Codec, Lang};
use std::sync::Arc;
use std::time::Duration;

pub struct Mapped {
    pub survey: Survey,
    pub finished: Finished,
    /// From the first dial to the last hang-up, with as many lines as were allowed.
    pub wall: Duration,
}

pub fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(10, 30, 0).unwrap()
}

pub fn settings(lang: Lang, hours: Option<&str>) -> Settings {
    Settings {
        target: "sip:4999@127.0.0.1:5070".into(),
        remote: HOTLINE_SIP,
        places: Vec::new(),
        local_sip: "127.0.0.1:40000".parse().unwrap(),
        local_rtp: "127.0.0.1:40002".parse().unwrap(),
        transport: nightbell::config::Transport::Udp,
        routes: Vec::new(),
        seen_as: None,
        from_user: "nightbell".into(),
        from_display: None,
        asserted: None,
        anonymous: false,
        redirects: true,
        follow_refer: false,
        callback: None,
        called: None,
        username: None,
        trunk: None,
        hotline: Some("grove".into()),
        probe: None,
        id: "01J00000000000000000000000".into(),
        languages: vec![lang],
        tones: Some(if lang == Lang::Zh { "CN" } else { "US" }.into()),
        ring_limit_ms: 60_000,
        call_limit_ms: 1_800_000,
        codecs: Vec::new(),
        srtp: Default::default(),
        keys: Default::default(),
        steps: String::new(),
        expect: None,
        on: Some(noon().date()),
        at: Some(noon().time()),
        hours: hours.map(str::to_string),
        goes_on_with_people: false,
        deaf: false,
        map: None,
        explore: None,
    }
}

/// One mapping to be rehearsed.
pub struct Mapping<'a> {
    pub hotline: &'a Arc<Hotline>,
    pub library: &'a Arc<Library>,
    pub lang: Lang,
    pub hears: Hears,
    pub seed: u64,
    /// Prompts heard in one call are known to the next.
    pub remembers: bool,
    pub line: Line,
}

/// What the sound comes over.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The only codec; any where none is named.
    pub codec: Option<Codec>,
    pub network: Vec<Rule>,
}

impl Mapping<'_> {
    /// By somebody who has never heard the hotline before; within the mapping, calls learn prompts from one another.
    pub fn made(&self, budget: Budget, watch: &mut dyn FnMut(u32, &Played)) -> Mapped {
        let mut survey = Survey::new(budget);
        let (wall, finished) = self.goes_on(&mut survey, &mut KnownPrompts::default(), watch);
        Mapped { survey, finished, wall }
    }

    /// By somebody who knows these prompts; what is heard is added to them.
    pub fn goes_on(
        &self,
        survey: &mut Survey,
        known: &mut KnownPrompts,
        watch: &mut dyn FnMut(u32, &Played),
    ) -> (Duration, Finished) {
        let mut now = Duration::ZERO;
        // Calls in progress: what they will have found, by when they end.
        let mut going: Vec<(Duration, Report, Vec<Lesson>)> = Vec::new();
        loop {
            match survey.next(now) {
                Next::Call(errand) => {
                    let call = errand.call;
                    let mut settings = settings(self.lang, Some("24/7"));
                    settings.codecs = self.line.codec.into_iter().collect();
                    settings.explore = Some(errand);
                    let play = Play {
                        hotline: self.hotline.clone(),
                        library: self.library.clone(),
                        version: None,
                        settings,
                        wall: noon(),
                        seed: self.seed * 1_000 + u64::from(call),
                        network: self.line.network.clone(),
                        hears: self.hears,
                        hearing_takes: Duration::from_millis(400),
                    };
                    let played = rehearse_knowing(&play, known).unwrap_or_else(|e| panic!("call {call}: {e}"));
                    watch(call, &played);
                    let explored = played.explored.as_ref().expect("a mapping call explores");
                    let line = played.ended.since(nightbell::vocabulary::Moment::START);
                    let report = Report {
                        call,
                        legs: explored.legs.clone(),
                        keys: played.call.keys.len() as u32,
                        line,
                        listens_while_speaking: explored.listens_while_speaking,
                        usable: true,
                    };
                    going.push((now + line, report, played.lessons));
                }
                Next::At(at) => now = at,
                Next::Later => {
                    going.sort_by_key(|(at, ..)| *at);
                    let (at, report, lessons) = going.remove(0);
                    now = now.max(at);
                    survey.ended(report);
                    if self.remembers {
                        known.learn(&lessons, noon().date());
                    }
                }
                Next::Finished(why) => return (now, why),
            }
        }
    }
}
