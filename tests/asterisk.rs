//! Promise: a call's record agrees with the switch's own. Every hotline of fixtures/asterisk is called with the built
//! binary; connect time is compared with Asterisk's call record within 20 ms, keys exactly, and the verdict with
//! fixtures/asterisk/hotlines.yaml. Each call is a test by its own name; its tape is replayed, too.

mod pbx;

use libtest_mimic::{Arguments, Failed, Trial};
use pbx::Pbx;
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

/// Calls at once: they mostly wait, and each hears for itself on two cores.
const CALLS_AT_ONCE: usize = 4;
/// How far a connect time may be from the switch's own.
const CONNECT_MS: f64 = 20.0;
/// How far the length of a call may be.
const LENGTH_MS: f64 = 150.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: u16,
    name: String,
    #[serde(default)]
    steps: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    console: Vec<String>,
    want: Want,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Want {
    exit: Option<i32>,
    verdict: Option<OneOf>,
    outcome: Option<OneOf>,
    status: Option<u16>,
    ended_by: Option<String>,
    keys: Option<String>,
    arrived: Option<String>,
    method: Option<String>,
    effects: Option<Vec<String>>,
    #[serde(default)]
    heard: Vec<String>,
    #[serde(default)]
    sounds: Vec<String>,
    #[serde(default)]
    silent: bool,
    finding: Option<String>,
    connect_s: Option<(f64, f64)>,
    codec: Option<String>,
    /// False: the switch refuses before it makes a record.
    #[serde(default = "yes")]
    cdr: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOf {
    One(String),
    Any(Vec<String>),
}

impl OneOf {
    fn allows(&self, word: &str) -> bool {
        match self {
            OneOf::One(one) => one == word,
            OneOf::Any(any) => any.iter().any(|one| one == word),
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/asterisk/hotlines.yaml");
    let text = std::fs::read_to_string(&table).expect("fixtures/asterisk/hotlines.yaml is read");
    let rows: Vec<Row> = serde_yaml::from_str(&text).expect("fixtures/asterisk/hotlines.yaml is understood");

    arguments.test_threads.get_or_insert(CALLS_AT_ONCE);
    // Started once, ended when main drops it.
    let mut started = None;
    if !arguments.list {
        if !model_is_there() {
            eprintln!("no speech model in {}: {}", pbx::cache().display(), pbx::SET_UP);
            return ExitCode::from(101);
        }
        match Pbx::start() {
            Ok(pbx) => started = Some(pbx),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::from(101);
            }
        }
    }
    let pbx = Arc::new(started);
    // A row that turns a switch over holds this until its call is over.
    let switch: Arc<Mutex<()>> = Arc::default();
    let trials = rows
        .into_iter()
        .map(|row| {
            let (pbx, switch) = (pbx.clone(), switch.clone());
            Trial::test(format!("{} {}", row.number, row.name), move || {
                let pbx = pbx.as_ref().as_ref().ok_or("Asterisk was not started")?;
                check(&row, pbx, &switch)
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn model_is_there() -> bool {
    std::fs::read_dir(pbx::cache().join("models")).is_ok_and(|mut files| files.next().is_some())
}

/// Makes the call of a row, and compares it with the table and with the switch.
fn check(row: &Row, pbx: &Pbx, switch: &Mutex<()>) -> Result<(), Failed> {
    let out = tempfile::Builder::new().prefix("nightbell-call-").tempdir()?;
    let mut words: Vec<String> = vec!["call".into(), format!("sip:{}@127.0.0.1:{}", row.number, pbx.port)];
    if let Some(steps) = &row.steps {
        words.extend(["--do".into(), steps.clone()]);
    }
    if !row.flags.iter().any(|flag| flag == "--lang") {
        words.extend(["--lang".into(), "en".into()]);
    }
    words.extend(row.flags.iter().cloned());
    words.extend(["--json".into(), "--out".into(), out.path().display().to_string()]);

    // Rows that turn a switch keep it turned until their call is over.
    let held = if row.console.is_empty() { None } else { Some(switch.lock().unwrap_or_else(|p| p.into_inner())) };
    for command in &row.console {
        pbx.console(command).map_err(|said| format!("{command}: {said}"))?;
    }
    let mut call = nightbell();
    call.args(&words);
    if let Some(password) = &row.password {
        call.env("LAB_PASSWORD", password);
    }
    let output = call.output()?;
    drop(held);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let exit = output.status.code();

    let mut wrong = Vec::new();
    let record: Value = serde_json::from_str(stdout.trim()).unwrap_or_else(|why| {
        wrong.push(format!("--json gave no JSON on standard output: {why}"));
        Value::Null
    });
    let mut switch_says = String::from("nothing");
    if !record.is_null() {
        compare_with_table(row, exit, &record, &mut wrong);
        switch_says = compare_with_switch(row, &record, pbx, &mut wrong);
        compare_with_replay(&record, &mut wrong);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let kept = out.keep();
    Err(Failed::from(format!(
        "{}\n\n  typed     nightbell {}\n  exit      {exit:?}\n  the switch says  {switch_says}\n  tape and sound kept in {}\n\
         --- standard output\n{stdout}\n--- standard error\n{stderr}\n--- Asterisk's complaints\n{}",
        wrong.iter().fold(String::new(), |mut text, w| {
            let _ = write!(text, "\n  * {w}");
            text
        }),
        words.iter().map(|w| if w.contains(' ') { format!("'{w}'") } else { w.clone() }).collect::<Vec<_>>().join(" "),
        kept.display(),
        pbx.complaints(),
    )))
}

fn nightbell() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn compare_with_table(row: &Row, exit: Option<i32>, record: &Value, wrong: &mut Vec<String>) {
    let want = &row.want;
    let word = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or("null").to_string();
    let mut differ = |what: &str, got: String, wanted: String| wrong.push(format!("{what}: {got}, not {wanted}"));

    if want.exit.is_some_and(|wanted| exit != Some(wanted)) {
        differ("exit code", format!("{exit:?}"), format!("{:?}", want.exit));
    }
    // The contract's exit codes follow from the verdict, whatever the table says.
    let by_verdict = match word("/verdict").as_str() {
        "pass" => Some(0),
        "fail" => Some(1),
        _ => Some(3),
    };
    if exit != by_verdict {
        differ("exit code", format!("{exit:?}"), format!("{by_verdict:?}, as its own verdict asks"));
    }
    for (name, path, wanted) in [("verdict", "/verdict", &want.verdict), ("outcome", "/outcome", &want.outcome)] {
        if let Some(wanted) = wanted
            && !wanted.allows(&word(path))
        {
            let list = match wanted {
                OneOf::One(one) => one.clone(),
                OneOf::Any(any) => any.join(" or "),
            };
            differ(name, format!("{} ({})", word(path), word("/because")), list);
        }
    }
    let status = record.pointer("/sip/status").and_then(Value::as_u64);
    if let Some(wanted) = want.status
        && status != Some(u64::from(wanted))
    {
        differ("SIP status", format!("{status:?}"), wanted.to_string());
    }
    if let Some(wanted) = &want.ended_by
        && word("/sip/ended_by") != *wanted
    {
        differ("ended by", word("/sip/ended_by"), wanted.clone());
    }
    if let Some(wanted) = &want.keys
        && keys_of(record) != *wanted
    {
        differ("keys pressed", keys_of(record), wanted.clone());
    }
    let of_keys = |field: &str| -> Vec<String> {
        let keys = record["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().map(|k| k[field].as_str().unwrap_or("null").to_string()).collect()
    };
    if let Some(wanted) = &want.effects
        && of_keys("effect") != *wanted
    {
        differ("effects of the keys", format!("{:?}", of_keys("effect")), format!("{wanted:?}"));
    }
    if let Some(wanted) = &want.method
        && of_keys("method").iter().any(|method| method != wanted)
    {
        differ("methods of the keys", format!("{:?}", of_keys("method")), wanted.clone());
    }
    if let Some(wanted) = &want.codec
        && word("/media/codec") != *wanted
    {
        differ("codec", word("/media/codec"), wanted.clone());
    }
    let heard = record["heard"].as_array().cloned().unwrap_or_default();
    let words = heard.iter().filter_map(|h| h["text"].as_str()).collect::<Vec<_>>().join(" ");
    let mut from = 0;
    for phrase in &want.heard {
        match find_phrase(&plain(&words)[from..], &plain(phrase)) {
            Some(end) => from += end,
            None => differ("heard", format!("\"{words}\""), format!("\"{phrase}\" in it, in this order")),
        }
    }
    if want.silent && !words.trim().is_empty() {
        differ("heard", format!("\"{words}\""), "no word at all".into());
    }
    for kind in &want.sounds {
        if !heard.iter().any(|h| h["kind"] == kind.as_str()) {
            let kinds: Vec<&str> = heard.iter().filter_map(|h| h["kind"].as_str()).collect();
            differ("sounds", format!("{kinds:?}"), format!("{kind} among them"));
        }
    }
    if let Some(wanted) = &want.finding {
        let findings = record["findings"].as_array().cloned().unwrap_or_default();
        if !findings.iter().any(|f| f["kind"] == wanted.as_str() || f["dead_end"] == wanted.as_str()) {
            differ("findings", format!("{findings:?}"), format!("{wanted} among them"));
        }
    }
    if let Some((least, most)) = want.connect_s {
        let connect = record.pointer("/times/connect_s").and_then(Value::as_f64);
        if !connect.is_some_and(|s| (least..=most).contains(&s)) {
            differ("connect_s", format!("{connect:?}"), format!("{least} to {most}"));
        }
    }
}

/// Ground truth; answers with what the switch wrote, for the message.
fn compare_with_switch(row: &Row, record: &Value, pbx: &Pbx, wrong: &mut Vec<String>) -> String {
    let Some(call_id) = record.pointer("/sip/call_id").and_then(Value::as_str) else {
        wrong.push("the record has no SIP Call-ID".into());
        return "nothing".into();
    };
    if !row.want.cdr {
        return "nothing, as is right".into();
    }
    let Some(detail) = pbx.call_detail(call_id) else {
        wrong.push(format!("the switch has no record of Call-ID {call_id}"));
        return "nothing".into();
    };
    let arrived = pbx.keys_on(&detail.channel);
    if detail.number != row.number.to_string() {
        wrong.push(format!("the switch was asked for {}, not {}", detail.number, row.number));
    }
    let ours = record.pointer("/times/connect_s").and_then(Value::as_f64);
    match (ours, detail.connect_s()) {
        (Some(ours), Some(theirs)) if (ours - theirs).abs() * 1000.0 > CONNECT_MS => {
            wrong.push(format!("connect time {ours:.3} s, the switch says {theirs:.3} s"));
        }
        (Some(_), None) => wrong.push("answered, but the switch never answered".into()),
        (None, Some(_)) => wrong.push("not answered, but the switch did answer".into()),
        _ => {}
    }
    if let Some(ours) = record.pointer("/times/duration_s").and_then(Value::as_f64)
        && (ours - detail.duration_s()).abs() * 1000.0 > LENGTH_MS
    {
        wrong.push(format!("length {ours:.3} s, the switch says {:.3} s", detail.duration_s()));
    }
    let keys: String = arrived.iter().map(|k| k.key).collect();
    let expected = row.want.arrived.clone().unwrap_or_else(|| keys_of(record));
    if keys != expected {
        wrong.push(format!("keys that arrived: {keys:?}, not {expected:?}"));
    }
    if let Some(short) = arrived.iter().find(|k| !(80..=250).contains(&k.duration_ms)) {
        wrong.push(format!("key {} arrived {} ms long", short.key, short.duration_ms));
    }
    format!("{detail:?}, keys {keys:?}")
}

/// The tape gives the same record again, without network and model.
fn compare_with_replay(record: &Value, wrong: &mut Vec<String>) {
    let Some(tape) = record.pointer("/evidence/tape").and_then(Value::as_str).map(PathBuf::from) else {
        wrong.push("the record names no tape".into());
        return;
    };
    let output = match nightbell().arg("replay").arg(&tape).arg("--json").output() {
        Ok(output) => output,
        Err(why) => return wrong.push(format!("replay: {why}")),
    };
    let again: Value = match serde_json::from_slice(&output.stdout) {
        Ok(again) => again,
        Err(why) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return wrong.push(format!("replay --json gave no JSON: {why}; {said}"));
        }
    };
    for field in ["verdict", "outcome", "because", "sip", "times", "keys", "heard", "findings", "media"] {
        if again[field] != record[field] {
            wrong.push(format!("replay differs in {field}: {} instead of {}", again[field], record[field]));
        }
    }
    if let Some(sound) = record.pointer("/evidence/wav").and_then(Value::as_str)
        && hound::WavReader::open(sound).is_err()
    {
        wrong.push(format!("{sound} is no WAV"));
    }
}

fn keys_of(record: &Value) -> String {
    record["keys"].as_array().into_iter().flatten().filter_map(|k| k["key"].as_str()).collect()
}

/// Words in lower case with digits spelled, without punctuation.
fn plain(text: &str) -> Vec<String> {
    const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let mut words = Vec::new();
    let cleaned: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    // One word or two: both are written, nobody hears a difference.
    let cleaned = cleaned.replace("good bye", "goodbye");
    for word in cleaned.split_whitespace() {
        if word.chars().all(|c| c.is_ascii_digit()) {
            words.extend(word.bytes().map(|b| DIGITS[usize::from(b - b'0')].to_string()));
        } else {
            words.push(word.replace('\'', ""));
            // One word or two, as the recogniser likes.
            if words.ends_with(&["good".into(), "bye".into()]) {
                words.truncate(words.len() - 2);
                words.push("goodbye".into());
            }
        }
    }
    words
}

/// Where the phrase ends in the words, one word in five being allowed to be wrong.
fn find_phrase(words: &[String], phrase: &[String]) -> Option<usize> {
    let allowed = phrase.len() / 5;
    (0..words.len()).find_map(|start| {
        let end = (start + phrase.len()).min(words.len());
        let right = words[start..end].iter().zip(phrase).filter(|(a, b)| a == b).count();
        (right + allowed >= phrase.len()).then_some(end)
    })
}
