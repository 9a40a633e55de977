//! What a call leaves on disk: `ID.nbtape`, `ID.wav`, `ID.json`.
//!
//! The tape is handed to the system before anything that follows from it leaves, the WAV's header is made valid every
//! second: a killed process or a full disk leaves both readable up to that moment. A little room is set aside before the
//! call and given back when the disk is full, so that the farewell still gets on the tape and the record on the disk.

use crate::record::call::{self, CallRecord};
use crate::record::replay::SoundSink;
use crate::record::tape::{TapeHeader, TapeInput, TapeOutput, TapeWriter};
use crate::record::wav::{CallWav, Side};
use crate::vocabulary::{Frame, Moment, Taping, limits};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Evidence {
    tape: Option<TapeWriter<File>>,
    wav: Option<CallWav<BufWriter<File>>>,
    kept: Option<Taping>,
    /// The first input, the dial, is on every tape.
    dialled: bool,
    folder: PathBuf,
    id: String,
    trouble: Option<String>,
    losses: Vec<String>,
    sha256: Option<String>,
    reserve: Option<PathBuf>,
    tape_bytes_max: u64,
    /// The tape has passed its bound, and that was told.
    overlong: bool,
}

/// Room for the end of a tape (a farewell with sound is some 15 kB a second) and for the record.
const RESERVE_BYTES: usize = 128 << 10;
/// The same for a call whose sound is not kept: its record, and a page of signalling.
const RESERVE_BYTES_UNHEARD: usize = 16 << 10;

fn cut(file: &mut File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length)).map(|_| ())
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
        let begun = Evidence::begin(folder, id, header, sounds);
        if begun.is_err() {
            for ending in ["nbtape", "wav", "reserve"] {
                let _ = fs::remove_file(folder.join(format!("{id}.{ending}")));
            }
        }
        begun
    }

    fn begin(folder: &Path, id: &str, header: &TapeHeader, sounds: &[(String, Arc<[i16]>)]) -> io::Result<Evidence> {
        let path = |ending: &str| folder.join(format!("{id}.{ending}"));
        let create = |ending: &str| File::options().write(true).create_new(true).open(path(ending));
        let mut tape = TapeWriter::begin(create("nbtape")?, header)?;
        let keeps_sound = header.kept.unwrap_or_default().keeps_sound();
        for (name, samples) in sounds.iter().filter(|_| keeps_sound) {
            tape.input(Moment::START, &TapeInput::sound(name, samples))?;
        }
        let begin = |file| CallWav::begin(BufWriter::new(file)).map_err(io::Error::other);
        let wav = if keeps_sound { Some(begin(create("wav")?)?) } else { None };
        let reserve = path("reserve");
        let room = if keeps_sound { RESERVE_BYTES } else { RESERVE_BYTES_UNHEARD };
        if let Err(e) = fs::write(&reserve, vec![0x55; room]) {
            let _ = fs::remove_file(&reserve);
            // A limit on the size of one file is no lack of room.
            if e.kind() != io::ErrorKind::FileTooLarge {
                return Err(e);
            }
        }
        Ok(Evidence {
            tape: Some(tape),
            wav,
            kept: header.kept,
            dialled: false,
            folder: folder.to_path_buf(),
            id: id.to_string(),
            trouble: None,
            losses: Vec::new(),
            sha256: None,
            reserve: Some(reserve),
            tape_bytes_max: limits::TAPE_BYTES_MAX,
            overlong: false,
        })
    }

    /// Gives the room back that was set aside; false when that happened before.
    fn release_reserve(&mut self) -> bool {
        self.reserve.take().is_some_and(|reserve| fs::remove_file(reserve).is_ok())
    }

    /// Writes to the tape, and once more after making room.
    fn tape(&mut self, write: impl Fn(&mut TapeWriter<File>) -> io::Result<()>) -> io::Result<()> {
        let Some(tape) = &mut self.tape else { return Ok(()) };
        let Err(first) = write(tape) else { return Ok(()) };
        if self.release_reserve()
            && let Some(tape) = &mut self.tape
            && tape.mend(cut).and_then(|()| write(tape)).is_ok()
        {
            self.trouble.get_or_insert(format!("the tape could not be written: {first}"));
            return Ok(());
        }
        self.give_up_tape(first.to_string());
        Err(first)
    }

    pub fn input(&mut self, at: Moment, input: &TapeInput) -> io::Result<()> {
        // Of a call without sound, neither its packets are kept nor the ticks that only they make worth knowing.
        let dialled = std::mem::replace(&mut self.dialled, true);
        if dialled
            && !self.keeps_sound()
            && matches!(input, TapeInput::Rtp { .. } | TapeInput::Rtcp { .. } | TapeInput::Tick)
        {
            return Ok(());
        }
        self.watch_length();
        self.tape(|tape| tape.input(at, input))
    }

    /// Whether sound goes on the tape and into the recording.
    fn keeps_sound(&self) -> bool {
        self.kept.unwrap_or_default().keeps_sound()
    }

    /// A tape that grows past its bound breaks the call off; the farewell may still be written, a flood may not.
    fn watch_length(&mut self) {
        let Some(length) = self.tape.as_ref().map(TapeWriter::len) else { return };
        if length > self.tape_bytes_max && !self.overlong {
            self.overlong = true;
            self.trouble.get_or_insert("the far side sent more than a tape may hold".to_string());
        }
        if length > self.tape_bytes_max.saturating_mul(2) {
            self.give_up_tape("the far side sent more than a tape may hold".to_string());
        }
    }

    /// Until `flush`, entries wait: one system call for all that happens at one look.
    pub fn gather(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.gather();
        }
    }

    /// Nothing that follows from what was written leaves before this returns.
    pub fn flush(&mut self) -> io::Result<()> {
        self.tape(TapeWriter::flush)
    }

    pub fn output(&mut self, at: Moment, output: &TapeOutput) {
        if let Err(e) = self.tape(|tape| tape.output(at, output)) {
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
            // Room first: what is buffered still goes into the file while it is closed.
            self.release_reserve();
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
        let _ = self.flush();
        if let Some(tape) = self.tape.take() {
            self.sha256 = Some(tape.sha256());
        }
        if let Some(wav) = self.wav.take()
            && let Err(e) = wav.finish()
        {
            self.losses.push(format!("the recording ends early: {e}"));
        }
        self.release_reserve();
        let path = |ending: &str| self.folder.join(format!("{}.{ending}", self.id));
        let evidence = call::Evidence {
            tape: Some(path("nbtape").display().to_string()),
            wav: self.keeps_sound().then(|| path("wav").display().to_string()),
            sha256: self.sha256,
            kept: self.kept,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tape;
    use std::borrow::Cow;

    #[test]
    fn a_flood_ends_the_call_and_not_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let header = TapeHeader::new(1, "2026-11-21T02:00:00+08:00", "sip:4001@127.0.0.1", serde_json::Value::Null);
        let mut evidence = Evidence::open(folder.path(), "flood", &header, &[]).unwrap();
        evidence.tape_bytes_max = 20_000;
        let from = "127.0.0.1:4000".parse().unwrap();
        let packet = TapeInput::Rtp { from, bytes: Cow::Owned(vec![7; 1_000]) };
        let mut told = Vec::new();
        for n in 0..1_000 {
            evidence.input(Moment::from_millis(n), &packet).unwrap();
            told.extend(evidence.take_trouble().map(|trouble| (n, trouble)));
        }
        assert_eq!(told.len(), 1, "told once, so that one farewell is begun: {told:?}");
        assert!(told[0].0 < 25, "told late: {told:?}");
        let (kept, losses) = evidence.close();
        assert_eq!(losses.len(), 1, "{losses:?}");
        let bytes = fs::read(kept.evidence.tape.unwrap()).unwrap();
        assert!(bytes.len() < 45_000, "{} bytes on the disk", bytes.len());
        let read = tape::read(&bytes).unwrap();
        assert!(read.damage.is_none() && read.entries.len() > 30, "{:?}", read.damage);
        assert_eq!(kept.evidence.sha256, Some(tape::sha256_hex(&bytes)));
    }
}
