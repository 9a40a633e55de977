//! Where known prompts lie between calls: a file a hotline, `FOLDER/NAME.nbprompts`.
//!
//! Never a reason for a call not to be made: what cannot be read is set aside and said, and everything is heard anew.

use crate::hearing::prompts::known::Lesson;
use crate::record::known_prompts::KnownPrompts;
use crate::record::tape::sha256_hex;
use crate::vocabulary::limits;
use chrono::NaiveDate;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a process waits for another that writes, and how long between two looks.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_BREATH: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub struct Shelf {
    file: PathBuf,
}

impl Shelf {
    /// Of a hotline by its name, or of a bare target.
    pub fn new(folder: &Path, name: &str) -> Shelf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        let mut file: String = name.chars().take(80).map(plain).collect();
        if file != name {
            // Two targets that differ in other characters alone do not share a file.
            file.push_str(&format!("-{}", &sha256_hex(name.as_bytes())[..8]));
        }
        Shelf { file: folder.join(format!("{file}.nbprompts")) }
    }

    /// Nothing is known of this hotline any more.
    pub fn clear(&self) -> io::Result<()> {
        for ending in ["nbprompts", "nbprompts.part", "nbprompts.unreadable"] {
            match fs::remove_file(self.file.with_extension(ending)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// What is known. A file that cannot be read is set aside beside its place.
    pub fn known(&self) -> KnownPrompts {
        match self.read() {
            Ok(known) => known,
            Err(why) => {
                let aside = self.file.with_extension("nbprompts.unreadable");
                let moved = fs::rename(&self.file, &aside);
                let place =
                    if moved.is_ok() { format!("set aside as {}", aside.display()) } else { "left alone".into() };
                tracing::warn!("known prompts in {}: {why}; {place}; all is heard anew", self.file.display());
                KnownPrompts::default()
            }
        }
    }

    fn read(&self) -> Result<KnownPrompts, String> {
        let mut bytes = Vec::new();
        let mut file = match File::open(&self.file) {
            Ok(file) => file.take(limits::PROMPTS_BYTES_MAX + 1),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(KnownPrompts::default()),
            Err(e) => return Err(e.to_string()),
        };
        file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > limits::PROMPTS_BYTES_MAX {
            return Err("the file is longer than it may be".to_string());
        }
        KnownPrompts::from_bytes(&bytes)
    }

    /// Adds what a call heard. Calls of other processes wait, and not for ever: what is not remembered is heard anew.
    pub fn learn(&self, lessons: &[Lesson], on: NaiveDate) -> io::Result<()> {
        if lessons.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(self.file.parent().unwrap_or(Path::new(".")))?;
        let lock = File::create(self.file.with_extension("lock"))?;
        let until = Instant::now() + LOCK_PATIENCE;
        while let Err(why) = lock.try_lock() {
            if Instant::now() > until {
                return Err(why.into());
            }
            std::thread::sleep(LOCK_BREATH);
        }
        let mut known = self.known();
        known.learn(lessons, on);
        let half = self.file.with_extension("nbprompts.part");
        let mut file = File::create(&half)?;
        file.write_all(&known.to_bytes())?;
        file.sync_all()?;
        fs::rename(&half, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hearing::words::RawHearing;
    use crate::vocabulary::print::{Print, Sub};
    use std::sync::Arc;

    fn lesson(seed: u32) -> Lesson {
        let bits = |n: u32| seed.wrapping_mul(2_654_435_761).wrapping_add(n).wrapping_mul(40_503).rotate_left(n % 31);
        let subs = (0..200).map(|n| Sub { bits: bits(n), sure: true }).collect();
        let print = Arc::new(Print { speech: (2_400, 16_000), subs, bands: vec![[-20; 20]; 180] });
        Lesson::New { print, hearing: RawHearing::default(), place: "1".into(), instead_of: None }
    }

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
    }

    #[test]
    fn what_was_learned_is_known_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), "order-line");
        assert!(shelf.known().is_empty());
        shelf.learn(&[lesson(1), lesson(2)], day(1)).unwrap();
        shelf.learn(&[lesson(3)], day(2)).unwrap();
        assert_eq!(Shelf::new(folder.path(), "order-line").known().len(), 3);
        assert!(Shelf::new(folder.path(), "other-line").known().is_empty());
        let bare = Shelf::new(folder.path(), "sip:1@127.0.0.1");
        assert_ne!(bare.file, Shelf::new(folder.path(), "sip:1@127.0.0_1").file);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), "order-line");
        shelf.learn(&[lesson(1), lesson(2)], day(1)).unwrap();
        let whole = fs::read(&shelf.file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 4;
        for broken in [&whole[..whole.len() - 3], &flipped, b"no prompts", b"nightbell prompts 9\n"] {
            fs::write(&shelf.file, broken).unwrap();
            assert!(shelf.known().is_empty());
            assert_eq!(fs::read(shelf.file.with_extension("nbprompts.unreadable")).unwrap(), broken);
            shelf.learn(&[lesson(4)], day(3)).unwrap();
            assert_eq!(shelf.known().len(), 1);
        }
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_the_former_file() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), "order-line");
        shelf.learn(&[lesson(1)], day(1)).unwrap();
        fs::write(shelf.file.with_extension("nbprompts.part"), b"nightbell prompts 1\nhalf").unwrap();
        assert_eq!(shelf.known().len(), 1);
        shelf.learn(&[lesson(2)], day(2)).unwrap();
        assert_eq!(shelf.known().len(), 2);
        shelf.clear().unwrap();
        assert!(shelf.known().is_empty());
        shelf.clear().unwrap();
    }

    #[test]
    fn what_is_not_heard_any_more_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), "order-line");
        shelf.learn(&[lesson(1), lesson(2)], day(1)).unwrap();
        shelf.learn(&[lesson(2)], day(2)).unwrap();
        shelf.learn(&[lesson(3)], day(1) + chrono::Days::new(60)).unwrap();
        assert_eq!(shelf.known().len(), 2, "heard once, two months ago");
        shelf.learn(&[lesson(3)], day(1) + chrono::Days::new(200)).unwrap();
        assert_eq!(shelf.known().len(), 1);
    }
}
