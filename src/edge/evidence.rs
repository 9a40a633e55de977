//! What a call leaves on disk: `ID.nbtape`, `ID.wav`, `ID.json`.
//!
//! The tape is written entry by entry without a buffer of ours, the WAV's header is made valid every second: a killed
//! process or a full disk leaves both readable up to that moment.

use crate::record::call::{self, CallRecord};
use crate::record::replay::SoundSink;
use crate::record::tape::{TapeHeader, TapeInput, TapeOutput, TapeWriter};
use crate::record::wav::{CallWav, Side};
use crate::vocabulary::{Frame, Moment};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Evidence {
    tape: Option<TapeWriter<File>>,
    wav: Option<CallWav<BufWriter<File>>>,
    folder: PathBuf,
    id: String,
    trouble: Option<String>,
    losses: Vec<String>,
    sha256: Option<String>,
}

/// What was kept, and where the record goes.
pub struct Kept {
    pub evidence: call::Evidence,
    record: PathBuf,
}

impl Evidence {
    /// Opens tape and WAV in `folder`; nothing is dialled when that is impossible.
    pub fn open(folder: &Path, id: &str, header: &TapeHeader, sounds: &[(String, Arc<[i16]>)]) -> io::Result<Evidence> {
        fs::create_dir_all(folder)?;
        let create =
            |ending: &str| File::options().write(true).create_new(true).open(folder.join(format!("{id}.{ending}")));
        let mut tape = TapeWriter::begin(create("nbtape")?, header)?;
        for (name, samples) in sounds {
            tape.input(Moment::START, &TapeInput::sound(name, samples))?;
        }
        let wav = CallWav::begin(BufWriter::new(create("wav")?)).map_err(io::Error::other)?;
        Ok(Evidence {
            tape: Some(tape),
            wav: Some(wav),
            folder: folder.to_path_buf(),
            id: id.to_string(),
            trouble: None,
            losses: Vec::new(),
            sha256: None,
        })
    }

    pub fn input(&mut self, at: Moment, input: &TapeInput) -> io::Result<()> {
        let Some(tape) = &mut self.tape else { return Ok(()) };
        let written = tape.input(at, input);
        if let Err(e) = &written {
            self.give_up_tape(e.to_string());
        }
        written
    }

    pub fn output(&mut self, at: Moment, output: &TapeOutput) {
        let Some(tape) = &mut self.tape else { return };
        if let Err(e) = tape.output(at, output) {
            self.give_up_tape(e.to_string());
            self.trouble.get_or_insert(format!("the tape could not be written: {e}"));
        }
    }

    fn give_up_tape(&mut self, why: String) {
        // The file may hold half an entry more than the hash knows of: the hash of what is whole is what counts.
        self.sha256 = self.tape.take().map(|t| t.sha256());
        self.losses.push(format!("the tape ends early: {why}"));
    }

    pub fn they_said(&mut self, at: Moment, frame: &Frame) {
        self.sound(Side::Them, at, frame);
    }

    pub fn we_said(&mut self, at: Moment, frame: &Frame) {
        self.sound(Side::Us, at, frame);
    }

    fn sound(&mut self, side: Side, at: Moment, frame: &Frame) {
        let Some(wav) = &mut self.wav else { return };
        if let Err(e) = wav.frame(side, at, frame) {
            self.wav = None;
            self.losses.push(format!("the recording ends early: {e}"));
            self.trouble.get_or_insert(format!("the recording could not be written: {e}"));
        }
    }

    pub fn lost(&mut self, what: &str) {
        self.losses.push(what.to_string());
    }

    /// The first trouble since asked last.
    pub fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    pub fn close(mut self) -> (Kept, Vec<String>) {
        if let Some(tape) = self.tape.take() {
            self.sha256 = Some(tape.sha256());
        }
        if let Some(wav) = self.wav.take()
            && let Err(e) = wav.finish()
        {
            self.losses.push(format!("the recording ends early: {e}"));
        }
        let path = |ending: &str| self.folder.join(format!("{}.{ending}", self.id));
        let evidence = call::Evidence {
            tape: Some(path("nbtape").display().to_string()),
            wav: Some(path("wav").display().to_string()),
            sha256: self.sha256,
        };
        (Kept { evidence, record: path("json") }, self.losses)
    }
}

impl Kept {
    /// Written whole or not at all.
    pub fn write_record(&self, record: &CallRecord) -> io::Result<()> {
        let text = serde_json::to_string_pretty(record).map_err(io::Error::other)?;
        let half = self.record.with_extension("json.part");
        fs::write(&half, text + "\n")?;
        fs::rename(&half, &self.record)
    }
}

/// A recording written while a tape is played again.
pub struct WavFile(Option<CallWav<BufWriter<File>>>);

impl WavFile {
    pub fn create(path: &Path) -> io::Result<WavFile> {
        Ok(WavFile(Some(CallWav::begin(BufWriter::new(File::create(path)?)).map_err(io::Error::other)?)))
    }

    fn frame(&mut self, side: Side, at: Moment, frame: &Frame) {
        if let Some(wav) = &mut self.0
            && let Err(e) = wav.frame(side, at, frame)
        {
            tracing::error!("the recording ends early: {e}");
            self.0 = None;
        }
    }
}

impl SoundSink for WavFile {
    fn they_said(&mut self, at: Moment, frame: &Frame) {
        self.frame(Side::Them, at, frame);
    }

    fn we_said(&mut self, at: Moment, frame: &Frame) {
        self.frame(Side::Us, at, frame);
    }
}

impl Drop for WavFile {
    fn drop(&mut self) {
        if let Some(wav) = self.0.take()
            && let Err(e) = wav.finish()
        {
            tracing::error!("the recording ends early: {e}");
        }
    }
}
