//! `nightbell call TARGET`: one call now, the timeline as it happens.

use super::live::{self, Live};
use crate::config::{Allow, Callback, Step, Trunk, parse_do, span};
use crate::edge::plan::{self, NotMade, Wanted};
use crate::edge::{call, probes};
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Codec, Lang, Srtp, Target, limits};
use clap::Args as ClapArgs;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Countries whose tones are known.
const COUNTRIES: [&str; 6] = ["CN", "US", "UK", "DE", "JP", "FR"];

#[derive(ClapArgs)]
#[command(after_help = "\
Steps: hear \"欢迎致电\" 8s · hear anything · choose 人工服务 30s · press 1 · wait 2s · say hello.wav · human 60s · hang_up
Examples:
  nightbell call sip:4001@127.0.0.1
  nightbell call sip:4001@127.0.0.1 --do 'hear anything; choose billing'
  nightbell call tel:+864008001234 --trunk main --lang zh --do 'choose 人工服务 30s; human 60s'
Addresses on this machine need no files; all others must stand under `allow:` in _trunks.yaml.
Exit: 0 as expected · 1 the hotline fell short · 2 wrong words here or in a file · 3 we could not judge")]
pub struct Args {
    /// Whom to call: sip:USER@HOST[:PORT] or tel:+NUMBER
    target: String,
    /// What to do, step by step; without it the call listens until the prompts repeat or fall silent
    #[arg(long = "do", value_name = "STEPS")]
    steps: Option<String>,
    /// A trunk of _trunks.yaml to leave by
    #[arg(long)]
    trunk: Option<String>,
    /// The hotline is to call back within this time after the call, by the same trunk
    #[arg(long, value_name = "SPAN", requires = "trunk")]
    callback: Option<String>,
    /// The folder with _trunks.yaml
    #[arg(long, value_name = "DIR", default_value = "probes")]
    config: PathBuf,
    /// User name for digest authentication
    #[arg(long, requires = "password_env")]
    user: Option<String>,
    /// The environment variable that holds the password
    #[arg(long, value_name = "VAR", requires = "user")]
    password_env: Option<String>,
    /// Languages spoken there, the expected one first
    #[arg(long, value_delimiter = ',', default_value = "zh,en")]
    lang: Vec<String>,
    /// Country of the call-progress tones: CN, US, UK, DE, JP, FR
    #[arg(long, value_name = "COUNTRY")]
    tones: Option<String>,
    /// How keys leave: auto, rfc4733, info, inband; auto goes by the answer and tries the others after a key without effect
    #[arg(long, value_name = "METHOD")]
    dtmf: Option<String>,
    /// Codecs to offer, the one liked best first: PCMA, PCMU, G722, opus
    #[arg(long, value_delimiter = ',', value_name = "CODECS")]
    codecs: Vec<String>,
    /// SRTP with its keys in the SDP: off, optional, required
    #[arg(long, value_name = "WORD")]
    srtp: Option<String>,
    /// Give up when unanswered for so long
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    ring_limit: String,
    /// Hang up so long after dialling
    #[arg(long, value_name = "DURATION", default_value = "3m")]
    call_limit: String,
    /// Where tape, recording and record are kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write signalling and sound as a capture (pcapng, for Wireshark), there
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// The messages of the signalling as a ladder, too
    #[arg(long)]
    verbose: bool,
    /// Write all speech down anew, prompts of former calls too
    #[arg(long)]
    anew: bool,
    /// The call as JSON on standard output, nothing else there
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> ExitCode {
    let (json, verbose, pcap) = (args.json, args.verbose, args.pcap.clone());
    match wanted(&args) {
        Ok((wanted, allow)) => {
            let folder = folder_of(&args);
            live::block_on(async move {
                let mut stop = match call::stop_on_signals() {
                    Ok(stop) => stop,
                    Err(e) => return live::refuse(&NotMade::Ours(format!("signals cannot be watched: {e}"))),
                };
                let writer = match live::writer(wanted.needs_words(), 1) {
                    Ok(writer) => writer,
                    Err(not_made) => return live::refuse(&not_made),
                };
                let mut live = Live::new(json, wanted.trunk.as_ref().map(|t| t.name.clone()));
                let made =
                    plan::make(wanted, allow.as_ref(), &folder, writer, &mut stop, &mut |event| live.show(event)).await;
                match made {
                    Ok(finished) => {
                        live.finish(&finished);
                        live.traffic(&finished, verbose, pcap.as_deref());
                        if json {
                            live::print_line(&finished.record);
                        }
                        for called in &finished.callbacks {
                            live.title("called back");
                            live.again(called);
                            if json {
                                live::print_line(&called.record);
                            }
                        }
                        live::exit_code(finished.record.verdict)
                    }
                    Err(not_made) => live::refuse(&not_made),
                }
            })
        }
        Err(complaints) => {
            for complaint in complaints {
                eprintln!("{complaint}");
            }
            ExitCode::from(2)
        }
    }
}

fn folder_of(args: &Args) -> PathBuf {
    args.out.clone().unwrap_or_else(live::calls_folder)
}

/// Every mistake of the command line at once.
fn wanted(args: &Args) -> Result<(Wanted, Option<Allow>), Vec<String>> {
    let mut wrong = Vec::new();
    let target: Option<Target> = args.target.parse().map_err(|e| wrong.push(format!("TARGET: {e}"))).ok();
    let callback = args.callback.as_deref().and_then(|text| match span::parse(text) {
        Ok(within) if within <= limits::CALLBACK_WITHIN_MAX => Some(Callback { within, from: Vec::new(), code: None }),
        _ => {
            wrong.push(format!("--callback: '{text}' is no time up to an hour; write one like 10m"));
            None
        }
    });
    let steps: Vec<Step> = match args.steps.as_deref().map(parse_do) {
        None => Vec::new(),
        Some(Ok(steps)) => steps,
        Some(Err(problems)) => {
            wrong.extend(problems.iter().map(|p| p.to_string()));
            Vec::new()
        }
    };
    let languages = languages(&args.lang).map_err(|e| wrong.push(e)).unwrap_or_default();
    let ring_limit = duration("--ring-limit", &args.ring_limit, limits::RING_MAX, &mut wrong);
    let call_limit = duration("--call-limit", &args.call_limit, limits::CALL_MAX, &mut wrong);
    let credentials = args.user.clone().zip(args.password_env.as_deref()).and_then(|(user, variable)| {
        match std::env::var(variable) {
            Ok(password) => Some((user, password)),
            Err(_) => {
                wrong.push(format!("--password-env: ${variable} is not set; write: export {variable}=…"));
                None
            }
        }
    });
    let tones = args.tones.as_ref().map(|t| t.to_ascii_uppercase());
    if let Some(country) = &tones
        && !COUNTRIES.contains(&country.as_str())
    {
        wrong.push(format!("--tones: there is no plan for {country}; write one of {}", COUNTRIES.join(", ")));
    }
    let keys = args.dtmf.as_deref().and_then(|word| {
        let choice = KeyChoice::from_word(word);
        if choice.is_none() {
            wrong.push(format!("--dtmf: {word} is no method; write one of {}", KeyChoice::WORDS.join(", ")));
        }
        choice
    });
    let mut codecs: Vec<Codec> = Vec::new();
    for name in &args.codecs {
        match Codec::from_name(name.trim()) {
            Some(codec) if !codecs.contains(&codec) => codecs.push(codec),
            Some(_) => {}
            None => wrong.push(format!("--codecs: {name} is not spoken here; write some of PCMA,PCMU,G722,opus")),
        }
    }
    let srtp = args.srtp.as_deref().and_then(|word| {
        let srtp = Srtp::from_word(word);
        if srtp.is_none() {
            wrong.push(format!("--srtp: {word} is not understood; write one of {}", Srtp::WORDS.join(", ")));
        }
        srtp
    });
    let loopback = target.as_ref().is_some_and(Target::is_loopback);
    let (trunk, allow) = files(args, loopback, &mut wrong);
    match target {
        Some(target) if wrong.is_empty() => {
            let tones = tones.or_else(|| plan::country_of(&target).map(str::to_string));
            let wanted = Wanted {
                trunk,
                credentials,
                languages,
                tones,
                ring_limit,
                call_limit,
                steps,
                folder: args.config.clone(),
                prompts: (!args.anew).then(|| folder_of(args).join("prompts")),
                keys,
                codecs,
                srtp,
                callback,
                ..Wanted::to(target)
            };
            Ok((wanted, allow))
        }
        _ => Err(wrong),
    }
}

/// Trunk and allow list; a call on this machine needs neither.
fn files(args: &Args, loopback: bool, wrong: &mut Vec<String>) -> (Option<Trunk>, Option<Allow>) {
    if loopback && args.trunk.is_none() {
        return (None, None);
    }
    match probes::load(&args.config) {
        Err(problems) => {
            wrong.extend(problems.iter().map(|p| p.to_string()));
            (None, None)
        }
        Ok(config) => {
            let trunk = args.trunk.as_ref().and_then(|name| named(name, &config.trunks, wrong));
            (trunk, Some(config.allow))
        }
    }
}

fn named(name: &str, trunks: &BTreeMap<String, Trunk>, wrong: &mut Vec<String>) -> Option<Trunk> {
    let found = trunks.get(name).cloned();
    if found.is_none() {
        let known: Vec<&str> = trunks.keys().map(String::as_str).collect();
        wrong.push(format!(
            "--trunk: there is no trunk {name}; _trunks.yaml has {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        ));
    }
    found
}

fn languages(given: &[String]) -> Result<Vec<Lang>, String> {
    given
        .iter()
        .map(|code| match code.trim() {
            "zh" => Ok(Lang::Zh),
            "en" => Ok(Lang::En),
            other => Err(format!("--lang: {other} is not understood; write zh, en or zh,en")),
        })
        .collect()
}

fn duration(flag: &str, text: &str, ceiling: Duration, wrong: &mut Vec<String>) -> Duration {
    match crate::config::span::parse(text) {
        Ok(Duration::ZERO) => {
            wrong.push(format!("{flag}: {text} is no time at all; write 1s or more"));
            ceiling
        }
        Ok(span) if span <= ceiling => span,
        Ok(_) => {
            wrong.push(format!(
                "{flag}: {text} is above the ceiling; write {} or less",
                crate::config::span::show(ceiling)
            ));
            ceiling
        }
        Err((what, write)) => {
            wrong.push(format!("{flag}: {what}; {write}"));
            ceiling
        }
    }
}
