//! What `call` and `run` share: the picture while it happens, the ears, and how a command ends.

use super::{terminal, traffic};
use crate::edge::call::{Finished, Writer};
use crate::edge::model;
use crate::edge::plan::NotMade;
use crate::edge::whisper::{PoolSettings, WhisperPool};
use crate::record::call::CallRecord;
use crate::record::timeline::{self, Style, Timeline};
use crate::vocabulary::{Clip, Event, Lang, Verdict};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

/// Draws a call while it goes on: on standard output, or on standard error when that is taken by JSON.
pub struct Live {
    timeline: Timeline,
    aside: bool,
}

impl Live {
    pub fn new(aside: bool, trunk: Option<String>) -> Live {
        let style = if aside { terminal::style_of_errors() } else { terminal::style() };
        let mut timeline = Timeline::new(style);
        if let Some(trunk) = trunk {
            timeline = timeline.by_trunk(trunk);
        }
        Live { timeline, aside }
    }

    /// A heading above one of several calls.
    pub fn title(&self, text: &str) {
        self.print(&format!("\n{text}\n"));
    }

    pub fn show(&mut self, event: &Event) {
        let text = self.timeline.event(event);
        self.print(&text);
    }

    pub fn finish(&mut self, finished: &Finished) {
        let text = self.timeline.finish(&finished.judgement);
        self.print(&text);
        for loss in &finished.losses {
            eprintln!("nightbell: {loss}");
        }
        if let Some(tape) = &finished.record.evidence.tape {
            self.print(&format!("           tape       {tape}\n"));
        }
    }

    /// A call that is over already, all at once.
    pub fn again(&self, finished: &Finished) {
        let style = Style::default();
        self.print(&timeline::draw(&finished.trace, &finished.judgement, None, &style));
        for loss in &finished.losses {
            eprintln!("nightbell: {loss}");
        }
        if let Some(tape) = &finished.record.evidence.tape {
            self.print(&format!("           tape       {tape}\n"));
        }
    }

    /// What went over the wire: the ladder, and a capture in this file.
    pub fn traffic(&self, finished: &Finished, verbose: bool, pcap: Option<&Path>) {
        let Some(tape) = finished.record.evidence.tape.as_deref().map(Path::new) else { return };
        if verbose {
            match traffic::ladder(tape) {
                Ok(ladder) => self.print(&format!("\n{ladder}")),
                Err(e) => eprintln!("nightbell: no ladder: {e}"),
            }
        }
        if let Some(file) = pcap
            && let Err(e) = traffic::write_capture(tape, file)
        {
            eprintln!("nightbell: no capture: {e}");
        }
    }

    fn print(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        // A closed pipe ends the showing, never the call.
        if self.aside {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        } else {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// Where calls are kept when nobody says where: `$XDG_STATE_HOME/nightbell/calls`.
pub fn calls_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("nightbell/calls")
}

/// The ears for `lines` calls at once. Without a model a call that needs words is not made; others go on and say so.
pub fn writer(needs_words: bool, lines: usize) -> Result<Option<Writer>, NotMade> {
    match words(lines) {
        Ok(writer) => Ok(Some(writer)),
        Err(missing) if needs_words => Err(NotMade::Ours(missing)),
        Err(missing) => {
            eprintln!("nightbell: no words will be written down: {missing}");
            Ok(None)
        }
    }
}

/// Speech workers, one a line and no more than there are cores, started when the first words are to be written down.
fn words(lines: usize) -> Result<Writer, String> {
    let model = model::find(None)?;
    let settings = PoolSettings::of_this_binary(&model, lines).map_err(|e| e.to_string())?;
    let pool = OnceLock::<WhisperPool>::new();
    Ok(Arc::new(move |clip: Clip, langs: Vec<Lang>| {
        let pool = pool.get_or_init(|| WhisperPool::new(settings.clone())).clone();
        Box::pin(async move { pool.transcribe(clip.samples, &langs).await.map_err(|e| e.to_string()) })
    }))
}

/// Says why no call was made, with the exit code of the contract.
pub fn refuse(why: &NotMade) -> ExitCode {
    eprintln!("nightbell: {why}");
    match why {
        NotMade::Wrong(_) => ExitCode::from(2),
        NotMade::Ours(_) => ExitCode::from(3),
    }
}

pub fn exit_code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Fail => ExitCode::from(1),
        Verdict::Inconclusive => ExitCode::from(3),
    }
}

/// The record alone on standard output; a reader that has gone ends nothing.
pub fn print_line(record: &CallRecord) {
    let _ = writeln!(std::io::stdout().lock(), "{}", line(record));
}

pub fn line(record: &CallRecord) -> String {
    serde_json::to_string(record).expect("a record is plain data")
}

/// One thread drives a call: its sockets, its clock and its tape belong together.
pub fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(e) => {
            eprintln!("nightbell: the runtime did not start: {e}");
            ExitCode::from(3)
        }
    }
}
