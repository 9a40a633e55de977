//! `nightbell replay TAPE…`: a tape again, without network, clock or model; of several, what would be told otherwise today.

use super::{live, replay_many, traffic};
use crate::edge::call::Writer;
use crate::edge::evidence::WavFile;
use crate::hearing::words::RawHearing;
use crate::record::call::Evidence;
use crate::record::replay::{self, Replayed};
use crate::record::tape;
use crate::record::timeline;
use crate::vocabulary::{Clip, Lang};
use clap::Args as ClapArgs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  nightbell replay 01J….nbtape
  nightbell replay 01J….nbtape --json
  nightbell replay 01J….nbtape --pcap call.pcapng --verbose
  nightbell replay 01J….nbtape --rehear      which verdict would today's ears give?
  nightbell replay data/evidence             by today's rules: which verdicts and findings differ from what was recorded?
  nightbell replay calls/ --rehear --json    the same with today's ears, a JSON object a tape
Of several tapes each is compared with the record beside it (ID.json) or in the data folder it lies in; without a record,
with the verdict at its end.
Exit: of one tape, as the call's own; of several, 0 all as recorded, 1 something differs · 2 no tape · 3 the replay differs,
or we could not judge")]
pub struct Args {
    /// Tapes of calls, or folders of them
    #[arg(required = true, value_name = "TAPE")]
    tapes: Vec<PathBuf>,
    /// Transcribe anew with the speech model of today, and say what changes
    #[arg(long)]
    rehear: bool,
    /// Write the recording again, there
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,
    /// Write signalling and sound as a capture (pcapng, for Wireshark), there
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// The messages of the signalling as a ladder, too; of several tapes, those that are as recorded as well
    #[arg(long)]
    verbose: bool,
    /// The call as JSON on standard output, nothing else there; of several tapes, an object a line
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> ExitCode {
    let [file] = args.tapes.as_slice() else { return many(&args) };
    if file.is_dir() { many(&args) } else { one(&args, file) }
}

fn many(args: &Args) -> ExitCode {
    if args.wav.is_some() || args.pcap.is_some() {
        eprintln!("nightbell: --wav and --pcap are written of one tape; name one");
        return ExitCode::from(2);
    }
    replay_many::run(&args.tapes, args.rehear, args.verbose, args.json)
}

fn one(args: &Args, file: &Path) -> ExitCode {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) => return wrong(file, &e.to_string()),
    };
    let tape = match tape::read(&bytes) {
        Ok(tape) => tape,
        Err(e) => return wrong(file, &e.to_string()),
    };
    let mut sink = match args.wav.as_deref().map(WavFile::create).transpose() {
        Ok(sink) => sink,
        Err(e) => return wrong(file, &format!("the recording cannot be written: {e}")),
    };
    let mut nobody = ();
    let sink: &mut dyn replay::SoundSink = match &mut sink {
        Some(wav) => wav,
        None => &mut nobody,
    };
    let replayed = match replay::replay(&tape, &bytes, paths(file), None, sink) {
        Ok(replayed) => replayed,
        Err(e) => return wrong(file, &e),
    };
    if args.rehear {
        return rehear(args, file, &tape, &bytes, &replayed);
    }
    show(args, &replayed);
    if args.verbose && !args.json {
        match traffic::ladder(file) {
            Ok(ladder) => print!("\n{ladder}"),
            Err(e) => return wrong(file, &e),
        }
    }
    if let Some(capture) = &args.pcap
        && let Err(e) = traffic::write_capture(file, capture)
    {
        return wrong(file, &format!("the capture cannot be written: {e}"));
    }
    if let Some(damage) = &replayed.damage {
        eprintln!("nightbell: {damage}");
    }
    if let Some(difference) = &replayed.difference {
        eprintln!("nightbell: {difference}");
        return ExitCode::from(3);
    }
    live::exit_code(replayed.judgement.verdict)
}

fn rehear(args: &Args, file: &Path, tape: &tape::Tape, bytes: &[u8], before: &Replayed) -> ExitCode {
    let ears = match Ears::of_today() {
        Ok(ears) => ears,
        Err(missing) => {
            eprintln!("nightbell: {missing}");
            return ExitCode::from(3);
        }
    };
    let mut hear = |clip: &Clip| ears.hear(clip, &before.settings.languages);
    let anew = match replay::replay(tape, bytes, paths(file), Some(&mut hear), &mut ()) {
        Ok(anew) => anew,
        Err(e) => return wrong(file, &e),
    };
    show(args, &anew);
    let (old, new) = (&before.judgement, &anew.judgement);
    if (old.verdict, old.outcome) == (new.verdict, new.outcome) {
        eprintln!("nightbell: heard anew, the verdict stays {}: {}", new.verdict, new.outcome);
    } else {
        eprintln!(
            "nightbell: heard anew, the verdict changes from {}: {} to {}: {}",
            old.verdict, old.outcome, new.verdict, new.outcome
        );
    }
    for line in changes(before, &anew) {
        eprintln!("  {line}");
    }
    live::exit_code(new.verdict)
}

/// What is found otherwise, and which words it comes from.
fn changes(before: &Replayed, anew: &Replayed) -> Vec<String> {
    let findings = |r: &Replayed| -> Vec<String> {
        r.record.findings.iter().map(|f| format!("{}: {}", f.kind, f.detail)).collect()
    };
    let words = |r: &Replayed| -> Vec<(f64, String)> {
        r.record.heard.iter().filter_map(|h| Some((h.from_s, h.text.clone()?))).collect()
    };
    let (old, new) = (findings(before), findings(anew));
    let mut lines: Vec<String> = Vec::new();
    lines.extend(old.iter().filter(|f| !new.contains(f)).map(|f| format!("no longer found: {f}")));
    lines.extend(new.iter().filter(|f| !old.contains(f)).map(|f| format!("now found: {f}")));
    let (old, new) = (words(before), words(anew));
    for (at, text) in old.iter().filter(|w| !new.contains(w)) {
        let now = new.iter().find(|(from, _)| from == at).map_or("no words", |(_, text)| text);
        lines.push(format!("at {at:.1} s heard “{text}”, now “{now}”"));
    }
    lines.extend(
        new.iter()
            .filter(|(at, _)| !old.iter().any(|(from, _)| from == at))
            .map(|(at, text)| format!("at {at:.1} s heard no words, now “{text}”")),
    );
    lines
}

fn show(args: &Args, replayed: &Replayed) {
    if args.json {
        live::print_line(&replayed.record);
    } else {
        let style = super::terminal::style();
        print!("{}", timeline::draw(&replayed.trace, &replayed.judgement, replayed.settings.trunk.as_deref(), &style));
    }
}

/// The speech model of today, for whoever waits for each answer.
pub(super) struct Ears {
    writer: Writer,
    runtime: tokio::runtime::Runtime,
}

impl Ears {
    pub(super) fn of_today() -> Result<Ears, String> {
        let writer = live::writer(true, 1).map_err(|e| e.to_string())?.ok_or("there is no speech model")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Ears { writer, runtime: runtime.map_err(|e| format!("the runtime did not start: {e}"))? })
    }

    pub(super) fn hear(&self, clip: &Clip, languages: &[Lang]) -> Result<RawHearing, String> {
        self.runtime.block_on(async { (self.writer)(clip.clone(), languages.to_vec()).await })
    }
}

pub(super) fn paths(tape: &Path) -> Evidence {
    let wav = tape.with_extension("wav");
    Evidence {
        tape: Some(tape.display().to_string()),
        wav: wav.exists().then(|| wav.display().to_string()),
        sha256: None,
        kept: None,
    }
}

fn wrong(tape: &Path, why: &str) -> ExitCode {
    eprintln!("nightbell: {}: {why}", tape.display());
    ExitCode::from(2)
}
