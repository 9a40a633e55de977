//! Promise: our calls get on with far sides that take the RFCs at their word. Each is a SIPp scenario of fixtures/sipp that
//! fails when a message or a header is not as it has to be. A call is good when SIPp says so itself (its status and its
//! statistics), when every message of ours passes the lint of `strict/lint.rs`, and when our own record says what happened.

#[path = "strict/far_side.rs"]
mod far_side;
#[path = "strict/lint.rs"]
mod lint;
#[path = "strict/sound.rs"]
mod sound;

use far_side::{Call, FarSide, call, called_back, run};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::process::ExitCode;

/// Far sides at once: they mostly wait.
const AT_ONCE: usize = 8;

type Check = fn(&Done) -> Result<(), String>;

/// A call that is over, and what its far side has seen of it.
struct Done {
    record: Value,
    far: FarSide,
}

struct Row {
    scenario: &'static str,
    /// As the test's name goes on.
    says: &'static str,
    call: Call,
    check: Check,
}

impl Done {
    fn text(&self, path: &str) -> &str {
        self.record.pointer(path).and_then(Value::as_str).unwrap_or("null")
    }

    fn number(&self, path: &str) -> Option<f64> {
        self.record.pointer(path).and_then(Value::as_f64)
    }

    fn is(&self, path: &str, wanted: &str) -> Result<(), String> {
        let found = self.record.pointer(path).unwrap_or(&Value::Null);
        let shown = found.as_str().map_or_else(|| found.to_string(), str::to_string);
        if shown == wanted { Ok(()) } else { Err(format!("{path} is {shown}, not {wanted}")) }
    }

    /// The far side's sound in the last half second of the recording.
    fn level_at_the_end(&self) -> Result<f64, String> {
        let path = self.far.folder.path().join(self.text("/evidence/wav"));
        let mut wav = hound::WavReader::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let channels = usize::from(wav.spec().channels);
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let theirs: Vec<f64> = samples.iter().step_by(channels).map(|s| f64::from(*s)).collect();
        let last =
            theirs.get(theirs.len().saturating_sub(5_600)..theirs.len().saturating_sub(1_600)).unwrap_or_default();
        let power = last.iter().map(|s| s * s).sum::<f64>() / last.len().max(1) as f64;
        Ok(20.0 * (power.sqrt().max(1.0) / 32_768.0).log10())
    }

    fn answered(&self) -> Result<(), String> {
        self.is("/sip/status", "200")?;
        self.is("/sip/ended_by", "us")?;
        match self.number("/times/connect_s") {
            Some(_) => Ok(()),
            None => Err("no connect time".into()),
        }
    }

    /// Between these, in seconds after the INVITE.
    fn connected(&self, from: f64, to: f64) -> Result<(), String> {
        let at = self.number("/times/connect_s");
        let fine = at.is_some_and(|at| (from..=to).contains(&at));
        if fine { Ok(()) } else { Err(format!("connected after {at:?} s, not {from} to {to}")) }
    }

    /// What we sent while the far side was in this state.
    fn sent_in(&self, state: &str, from: usize, to: usize) -> Result<(), String> {
        let count = self.far.sound.came_in(state)?;
        let fine = (from..=to).contains(&count);
        if fine { Ok(()) } else { Err(format!("{count} packets of ours in {state}, not {from} to {to}")) }
    }
}

fn all(checks: &[Result<(), String>]) -> Result<(), String> {
    let wrong: Vec<&str> = checks.iter().filter_map(|c| c.as_ref().err()).map(String::as_str).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn answered(done: &Done) -> Result<(), String> {
    done.answered()
}

fn was_called(done: &Done) -> Result<(), String> {
    all(&[done.is("/sip/status", "200"), done.is("/sip/ended_by", "them"), done.is("/called_by", "4900")])
}

fn rows() -> Vec<Row> {
    let row = |scenario, says, call, check: Check| Row { scenario, says, call, check };
    let usual = || Call::doing("wait 1s; hang_up");
    vec![
        row("plain", "the route set is kept, in its order", usual(), answered),
        row(
            "lost-prack",
            "a lost PRACK is repeated, a repeated 183 asks for none",
            usual().copies_count().by_datagrams_only(),
            |done| all(&[done.answered(), done.connected(1.9, 6.0)]),
        ),
        row(
            "lost-ack",
            "every repeated 200 has its ACK",
            Call::doing("wait 3s; hang_up").copies_count().by_datagrams_only(),
            |done| all(&[done.answered(), done.connected(0.0, 0.4)]),
        ),
        row("fork", "the first answer is the call, the other is hung up", usual(), |done| {
            let level = done.level_at_the_end()?;
            let heard = (level - sound::SECOND_DBOV).abs() < 2.0;
            all(&[
                done.answered(),
                done.connected(1.1, 4.0),
                if heard { Ok(()) } else { Err(format!("what is heard at the end is at {level} dBov")) },
            ])
        }),
        row("fork-none", "a 200 without SDP goes by its own dialog's 183", usual(), |done| {
            let [to_one, to_other] = done.far.sound.by_socket("answered")?;
            let fine = to_one > 30 && to_other < 5;
            all(&[
                done.answered(),
                if fine {
                    Ok(())
                } else {
                    Err(format!("{to_one} packets to the fork that answered, {to_other} to the other"))
                },
            ])
        }),
        row("two-challenges", "407 and 401 of two realms", usual().by_account(), answered),
        row("hold", "held, taken back, another codec, our offer", Call::doing("wait 9s; hang_up"), |done| {
            all(&[
                done.answered(),
                done.is("/media/codec", "PCMA"),
                done.sent_in("talking", 50, 100),
                done.sent_in("music", 0, 4),
                done.sent_in("silence", 0, 4),
                done.sent_in("old", 0, 4),
                done.sent_in("back", 50, 100),
            ])
        }),
        row("early-update", "an UPDATE before the answer moves the sound", usual(), |done| {
            let [_, second] = done.far.sound.by_socket("second")?;
            all(&[done.answered(), if second > 10 { Ok(()) } else { Err(format!("{second} packets to the new port")) }])
        }),
        row("crossing-bye", "two BYEs cross", usual(), |done| done.is("/sip/status", "200")),
        row("far-bye", "the cause is read", Call::doing("wait 9s; hang_up"), |done| {
            all(&[done.is("/sip/ended_by", "them"), done.is("/sip/q850", "31")])
        }),
        row("late-cancel", "a 200 that crosses our CANCEL is hung up", usual().ringing("2s"), |done| {
            all(&[done.is("/outcome", "no_answer"), done.is("/times/connect_s", "null")])
        }),
        row("cancelled", "CANCEL and 487", usual().ringing("2s"), |done| done.is("/outcome", "no_answer")),
        row("we-refresh", "we refresh at half time", Call::doing("wait 48s; hang_up"), answered),
        row("they-refresh", "they refresh, then not", Call::doing("wait 100s; hang_up"), |done| {
            // Refreshed after 3 s; 90 s less a third of them.
            let length = done.number("/times/duration_s");
            let fine = length.is_some_and(|length| (61.0..68.0).contains(&length));
            all(&[
                done.is("/sip/ended_by", "us"),
                done.is("/verdict", "inconclusive"),
                done.is("/attributable_to", "unknown"),
                if fine { Ok(()) } else { Err(format!("it lasted {length:?} s")) },
            ])
        }),
        row("interval-too-small", "422 is met", usual(), answered),
        row("moved", "whom a 302 names is called", usual(), |done| {
            all(&[done.answered(), done.is("/sip/redirects/0/refused", "null")])
        }),
        row("moved-away", "whom the allow list has not is not", usual(), |done| {
            let refused = |n: usize| done.text(&format!("/sip/redirects/{n}/refused")) != "null";
            all(&[
                done.is("/sip/status", "302"),
                if refused(0) && refused(1) { Ok(()) } else { Err("both are refused".into()) },
            ])
        }),
        row(
            "refers",
            "a REFER is followed",
            Call::doing("wait 9s; hang_up").by_probe("follow_refer: true").with_other("plain"),
            |done| {
                all(&[
                    done.is("/sip/transfers/0/state", "answered"),
                    done.is("/sip/transfers/1", "null"),
                    done.is("/sip/status", "200"),
                ])
            },
        ),
        row("refers-in-vain", "a REFER nobody allowed is declined", usual(), answered),
        row(
            "wants-too-much",
            "what we do not know is refused, each with its code",
            Call::doing("wait 4s; hang_up"),
            answered,
        ),
        row("calls-without-offer", "our offer, their answer, keys by INFO, a CANCEL too late", Call::to_us(), |done| {
            all(&[was_called(done), done.sent_in("talking", 50, 200)])
        }),
        row("calls-reliably", "a PRACK that comes late, a 200 until its ACK", Call::to_us().copies_count(), |done| {
            all(&[was_called(done), done.sent_in("talking", 40, 80), done.sent_in("music", 0, 4)])
        }),
        row("calls-wrongly", "each fault has its code, and the call that has none is taken", Call::to_us(), was_called),
    ]
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let over_tcp = rows().into_iter().filter(|row| !row.call.datagrams_only).map(|mut row| {
        row.call = row.call.over_tcp();
        row
    });
    let trials = rows()
        .into_iter()
        .chain(over_tcp)
        .map(|row| {
            let by = if row.call.tcp { " (TCP)" } else { "" };
            Trial::test(format!("{}: {}{by}", row.scenario, row.says), move || check(&row).map_err(Failed::from))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(row: &Row) -> Result<(), String> {
    let mut far = FarSide::start(row.scenario, &row.call)?;
    let (record, said) = match row.call.probe {
        _ if row.call.calls_us => called_back(&mut far, row.scenario, &row.call)?,
        None => call(&far, &row.call),
        Some(_) => run(&far, &row.call),
    };
    let verdict = far.end();
    let messages = far.messages();
    let done = Done { record, far };
    let lint = lint::lint(&messages);
    let told = || format!("{:#}\n{said}\n{}", done.record, lint::ladder(&messages));
    verdict.and(lint).and_then(|()| (row.check)(&done)).map_err(|why| format!("{why}\n{}", told()))
}
