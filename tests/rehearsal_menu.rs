//! The menu machine of a pretend hotline alone, without its telephone line: what it does when, and what keys do; and the
//! exchange before it, as callers find it.

use chrono::{NaiveDate, NaiveDateTime};
use nightbell::call::sip::{Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings};
use nightbell::rehearsal::ivr::{Ivr, IvrInput, IvrOutput};
use nightbell::rehearsal::{Exchange, ExchangeInput, ExchangeOutput, ExchangeSettings, Library, builtin, reading};
use nightbell::vocabulary::{Key, Moment, Seed};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static LIBRARY: LazyLock<Arc<Library>> = LazyLock::new(|| Arc::new(Library::pretend(&builtin::texts(), &Seed::new(1))));

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

/// Plays `menu` (the file without its first lines) for two minutes with these keys, and tells in words what it did.
fn play(menu: &str, keys: &[(u64, char)]) -> Vec<String> {
    let text = format!("hotline: x\nnumber: \"1\"\npretends: x\n{menu}");
    let hotline = reading::read("x.yaml", text.as_bytes(), &builtin::texts()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let mut ivr = Ivr::new(Arc::new(hotline), LIBRARY.clone(), None, noon(), &Seed::new(1));
    let mut keys = keys.iter().map(|(ms, key)| (Moment::from_millis(*ms), Key::new(*key).unwrap())).peekable();
    let (mut told, mut out) = (Vec::new(), Vec::new());
    let mut now = Moment::START;
    ivr.step(now, IvrInput::Begin, &mut out);
    loop {
        for output in out.drain(..) {
            let words = match output {
                IvrOutput::Say(utterance) if utterance.text.is_empty() => utterance.what,
                IvrOutput::Say(utterance) => utterance.what.rsplit('/').next().unwrap().to_string(),
                IvrOutput::Entered(node) => format!("@{node}"),
                IvrOutput::Refuse(refusal) => format!("refuse {}", refusal.status),
                IvrOutput::HangUp { .. } => "hang up".into(),
                other => format!("{other:?}").to_lowercase(),
            };
            // Pieces of an endless sound are one.
            if told.last() != Some(&words) || !words.starts_with('[') {
                told.push(words);
            }
        }
        let key = keys.peek().map(|(at, _)| *at);
        let Some(next) = [key, ivr.deadline()].into_iter().flatten().min() else { return told };
        if next > Moment::START + Duration::from_secs(120) {
            told.push("…".into());
            return told;
        }
        now = now.max(next);
        match keys.next_if(|(at, _)| *at <= now) {
            Some((_, key)) => ivr.step(now, IvrInput::Key(key), &mut out),
            None => ivr.step(now, IvrInput::Tick, &mut out),
        }
    }
}

fn check(menu: &str, keys: &[(u64, char)], wanted: &str) {
    let told = play(menu, keys).join(" · ");
    assert_eq!(told, wanted, "\n{menu}\nkeys {keys:?}");
}

const MENU: &str = "
menu:
  main:
    say: en/vm-reachoper
    keys: { 0: people, 1: again, 2: ignore, 9: hang_up }
    invalid: en/invalid
    nothing: en/please-try-again
    tries: 2
    gives_up: bye
  people: { say: en/hello, then: silence }
  bye: { say: en/goodbye }
";

#[test]
fn a_menu_waits_says_that_nothing_came_and_gives_up() {
    check(
        MENU,
        &[],
        "ring · answer · @main · vm-reachoper · please-try-again · vm-reachoper · please-try-again · @bye · goodbye · hang up",
    );
}

#[test]
fn a_key_leads_where_the_file_says() {
    check(MENU, &[(2_500, '0')], "ring · answer · @main · vm-reachoper · hush · @people · hello");
    check(MENU, &[(2_500, '9')], "ring · answer · @main · vm-reachoper · hush · hang up");
    check(
        MENU,
        &[(2_500, '1'), (2_900, '0')],
        "ring · answer · @main · vm-reachoper · hush · vm-reachoper · hush · @people · hello",
    );
    check(MENU, &[(2_500, '2'), (2_900, '0')], "ring · answer · @main · vm-reachoper · hush · @people · hello");
}

#[test]
fn a_key_that_leads_nowhere_is_refused_and_the_prompt_is_said_again() {
    check(
        MENU,
        &[(2_500, '5'), (9_000, '0')],
        "ring · answer · @main · vm-reachoper · hush · invalid · vm-reachoper · hush · @people · hello",
    );
    check(
        MENU,
        &[(2_500, '5'), (9_000, '5')],
        "ring · answer · @main · vm-reachoper · hush · invalid · vm-reachoper · hush · invalid · @bye · goodbye · hang up",
    );
}

#[test]
fn a_key_before_the_answer_is_lost() {
    check(MENU, &[(500, '0'), (2_500, '9')], "ring · answer · @main · vm-reachoper · hush · hang up");
}

#[test]
fn without_barge_in_keys_are_kept_until_the_prompt_is_over() {
    let menu = MENU.replace("    tries: 2", "    tries: 2\n    barge_in: false");
    check(&menu, &[(2_100, '0')], "ring · answer · @main · vm-reachoper · hush · @people · hello");
}

#[test]
fn digits_are_collected_until_the_key_that_ends_them_or_until_there_are_enough() {
    let menu = "
menu:
  ask: { say: en/privacy-prompt, entry: { keys: 4, end: \"#\", then: thanks } }
  thanks: { say: en/privacy-thankyou }
";
    let keys = |text: &str| -> Vec<(u64, char)> {
        text.chars().enumerate().map(|(i, key)| (3_000 + 300 * i as u64, key)).collect()
    };
    let start = "ring · answer · @ask · privacy-prompt · hush";
    check(menu, &keys("12#"), &format!("{start} · hush · hush · @thanks · privacy-thankyou · hang up"));
    check(menu, &keys("1234"), &format!("{start} · hush · hush · hush · @thanks · privacy-thankyou · hang up"));
}

#[test]
fn sound_before_the_answer_is_early_media() {
    for (pickup, wanted) in [
        ("[{ music: 3s }, answer]", "early · [music] · answer · @x · goodbye · hang up"),
        ("[{ ring: 1s }, { say: en/hello }, { refuse: 486 }]", "ring · early · hello · refuse 486"),
        ("[{ wait: 1s }, { sit: VC }, { refuse: 404 }]", "early · [sit] · refuse 404"),
        ("[ring]", "ring"),
        ("[busy]", "early · [busy] · …"),
        ("[play_dead]", "playdead"),
        ("[{ ring: 1s }, hang_up]", "ring · hang up"),
    ] {
        check(&format!("pickup: {pickup}\nmenu:\n  x: {{ say: en/goodbye }}\n"), &[], wanted);
    }
}

#[test]
fn faults_of_the_line_are_stronger_than_the_menu() {
    check(&format!("{MENU}faults: {{ deaf: true }}\n"), &[(2_500, '9')], {
        "ring · answer · @main · vm-reachoper · please-try-again · vm-reachoper · please-try-again · @bye · goodbye · hang up"
    });
    check(&format!("{MENU}faults: {{ drops_after: 2500ms }}\n"), &[], "ring · answer · @main · vm-reachoper · hang up");
}

#[test]
fn a_voicemail_records_until_the_pound_key() {
    let menu = "
menu:
  box: { do: [{ say: en/vm-intro }, beep, { record: 30s }, { say: en/vm-msgsaved }] }
";
    let start = "ring · answer · @box · vm-intro · [beep]";
    check(menu, &[(15_000, '#')], &format!("{start} · hush · vm-msgsaved · hang up"));
    check(menu, &[], &format!("{start} · vm-msgsaved · hang up"));
}

#[test]
fn circles_without_time_end() {
    let menu = "
menu:
  a: { do: { go: b } }
  b: { do: { go: a } }
";
    assert_eq!(play(menu, &[]).last().map(String::as_str), Some("hang up"));
}

/// Callers of an exchange with one port for sound; every message is there at once.
struct Callers {
    exchange: Exchange,
    all: Vec<Caller>,
    now: Moment,
}

impl Callers {
    fn at(text: &str) -> Callers {
        let hotline = Arc::new(reading::read("x.yaml", text.as_bytes(), &builtin::texts()).unwrap());
        let (sip, rtp) = ("127.0.0.1:5070".parse().unwrap(), vec!["127.0.0.1:20000".parse().unwrap()]);
        let settings = ExchangeSettings { sip, rtp, wall: noon(), seed: Seed::new(1) };
        let exchange = Exchange::new(settings, vec![hotline], LIBRARY.clone());
        Callers { exchange, all: Vec::new(), now: Moment::START }
    }

    /// What one caller is told.
    fn step(&mut self, who: usize, input: CallerInput) -> Vec<CallerEvent> {
        let ours = "127.0.0.1:40000".parse().unwrap();
        let (mut told, mut inputs) = (Vec::new(), VecDeque::from([(who, input)]));
        while let Some((at, input)) = inputs.pop_front() {
            let (mut out, mut back) = (Vec::new(), Vec::new());
            self.all[at].step(self.now, input, &mut out);
            for one in out {
                match one {
                    CallerOutput::Send { bytes, .. } => {
                        self.exchange.step(self.now, ExchangeInput::Sip { from: ours, bytes }, &mut back);
                        self.exchange.step(self.now, ExchangeInput::Tick, &mut back);
                    }
                    CallerOutput::Event(event) if at == who => told.push(event),
                    CallerOutput::Event(_) | CallerOutput::Permit { .. } => {}
                }
            }
            for one in back {
                if let ExchangeOutput::SendSip { bytes, .. } = one {
                    let from = "127.0.0.1:5070".parse().unwrap();
                    let wire = |at| (at, CallerInput::Wire { from, bytes: bytes.clone() });
                    inputs.extend((0..self.all.len()).map(wire));
                }
            }
        }
        told
    }

    /// Somebody calls: the final status.
    fn dial(&mut self) -> u16 {
        self.now += Duration::from_secs(1);
        let settings = CallerSettings {
            target_uri: "sip:1@127.0.0.1".into(),
            remote: "127.0.0.1:5070".parse().unwrap(),
            local_sip: "127.0.0.1:40000".parse().unwrap(),
            from_user: "probe".into(),
            from_display: None,
            credentials: None,
            user_agent: "test".into(),
            way: Default::default(),
        };
        self.all.push(Caller::new(settings, Seed::new(self.all.len() as u64)));
        let offer =
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
        let told = self.step(self.all.len() - 1, CallerInput::Dial { offer: offer.to_vec() });
        let status = |event: &CallerEvent| match event {
            CallerEvent::Answered { status, .. } | CallerEvent::Rejected { status, .. } => Some(*status),
            _ => None,
        };
        told.iter().find_map(status).unwrap_or_else(|| panic!("{told:?}"))
    }
}

/// Whoever calls while the only port is taken is turned away; whoever calls right behind the end of that call is not, though
/// it may still have to repeat its last word for half a minute.
#[test]
fn a_port_is_free_again_at_the_end_of_its_call() {
    let text = "hotline: x\nnumber: \"1\"\npretends: x\npickup: [answer]\nmenu: { main: { do: [silence] } }\n";
    let mut callers = Callers::at(text);
    assert_eq!([callers.dial(), callers.dial()], [200, 503]);
    let ended = callers.step(0, CallerInput::HangUp);
    assert!(ended.iter().any(|event| matches!(event, CallerEvent::Ended { status: Some(200), .. })), "{ended:?}");
    assert_eq!([callers.dial(), callers.dial()], [200, 503]);
}
