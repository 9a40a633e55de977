//! Whole mappings at simulated time: call after call on the stage, until the survey has enough.

use chrono::{NaiveDate, NaiveDateTime};
use nightbell::journey::Settings;
use nightbell::journey::explore::survey::{Budget, Finished, Next, Report, Survey};
use nightbell::rehearsal::Hotline;
use nightbell::rehearsal::Library;
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::{HOTLINE_SIP, Play, Played, rehearse};
use nightbell::vocabulary::Lang;
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

#[allow(clippy::too_many_arguments)]
pub fn map_hotline(
    hotline: &Arc<Hotline>,
    library: &Arc<Library>,
    lang: Lang,
    budget: Budget,
    hears: Hears,
    seed: u64,
    version: Option<&str>,
    watch: &mut dyn FnMut(u32, &Played),
) -> Mapped {
    let mut survey = Survey::new(budget);
    let (wall, finished) = run(&mut survey, hotline, library, lang, hears, seed, version, watch);
    Mapped { survey, finished, wall }
}

#[allow(clippy::too_many_arguments)]
pub fn run(
    survey: &mut Survey,
    hotline: &Arc<Hotline>,
    library: &Arc<Library>,
    lang: Lang,
    hears: Hears,
    seed: u64,
    version: Option<&str>,
    watch: &mut dyn FnMut(u32, &Played),
) -> (Duration, Finished) {
    let mut now = Duration::ZERO;
    // Calls in progress: what they will have found, by when they end.
    let mut going: Vec<(Duration, Report)> = Vec::new();
    loop {
        match survey.next(now) {
            Next::Call(errand) => {
                let call = errand.call;
                let mut settings = settings(lang, Some("24/7"));
                settings.explore = Some(errand);
                let played = rehearse(&Play {
                    hotline: hotline.clone(),
                    library: library.clone(),
                    version: version.map(str::to_string),
                    settings,
                    wall: noon(),
                    seed: seed * 1_000 + u64::from(call),
                    network: Vec::new(),
                    hears,
                    hearing_takes: Duration::from_millis(400),
                })
                .unwrap_or_else(|e| panic!("call {call}: {e}"));
                watch(call, &played);
                let explored = played.explored.as_ref().expect("a mapping call explores");
                let line = played.ended.since(nightbell::vocabulary::Moment::START);
                going.push((
                    now + line,
                    Report {
                        call,
                        legs: explored.legs.clone(),
                        keys: played.call.keys.len() as u32,
                        line,
                        listens_while_speaking: explored.listens_while_speaking,
                        usable: true,
                    },
                ));
            }
            Next::At(at) => now = at,
            Next::Later => {
                going.sort_by_key(|(at, _)| *at);
                let (at, report) = going.remove(0);
                now = now.max(at);
                survey.ended(report);
            }
            Next::Finished(why) => return (now, why),
        }
    }
}
