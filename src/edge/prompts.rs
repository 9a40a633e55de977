//! Loads the recordings that pretend hotlines speak with: from the cache, or from beside a hotline's own file.

use super::cache;
use crate::rehearsal::builtin;
use crate::rehearsal::hotline::{Hotline, Part};
use crate::rehearsal::library::{Library, Recording, language_of};
use crate::vocabulary::SAMPLE_RATE;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A recording that is not there or cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// As the hotline's file names it.
    pub name: String,
    pub path: PathBuf,
    pub why: String,
    pub hotline: String,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: prompt {} {} ({})", self.hotline, self.name, self.why, self.path.display())
    }
}

/// Everything these hotlines need, or all that is missing.
pub fn load(hotlines: &[Arc<Hotline>]) -> Result<Library, Vec<Missing>> {
    let texts = builtin::texts();
    let folder = cache::prompts();
    let mut library = Library::default();
    let mut missing = Vec::new();
    for hotline in hotlines {
        for part in hotline.parts() {
            let (name, path, says) = match part {
                Part::Recording(name) => {
                    let path = folder.join(format!("{name}.wav"));
                    let says = texts.get(&name).cloned().unwrap_or_default();
                    (name, path, says)
                }
                Part::File { path, says } => (path.clone(), PathBuf::from(&path), says),
                Part::Pause(_) => continue,
            };
            if library.find(&name).is_some() {
                continue;
            }
            match read_wav(&path) {
                Ok(samples) => {
                    let lang = language_of(&name, &says);
                    library.insert(&name, Recording { text: says, lang, samples: samples.into() });
                }
                Err(why) => missing.push(Missing { name, path, why, hotline: hotline.name.clone() }),
            }
        }
    }
    if let Some(music) = hold_music(&folder) {
        library.insert("moh", music);
    }
    if missing.is_empty() { Ok(library) } else { Err(missing) }
}

/// The first recording of hold music in the cache; without one the hotlines play their own tune.
fn hold_music(folder: &Path) -> Option<Recording> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("moh")).ok()?.flatten().map(|e| e.path()).collect();
    files.sort();
    let samples = files.iter().find_map(|path| read_wav(path).ok())?;
    Some(Recording { text: String::new(), lang: crate::vocabulary::Lang::En, samples: samples.into() })
}

/// A telephone recording: WAV, 16 bits, 8 kHz; of several channels the first.
pub fn read_wav(path: &Path) -> Result<Vec<i16>, String> {
    let mut wav = hound::WavReader::open(path).map_err(|error| match error {
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::NotFound => "is missing".to_string(),
        error => format!("cannot be read: {error}"),
    })?;
    let spec = wav.spec();
    if spec.sample_rate != SAMPLE_RATE || spec.bits_per_sample != 16 || spec.sample_format != hound::SampleFormat::Int {
        return Err(format!(
            "has {} Hz and {} bits; write it with 8000 Hz and 16 bits (sox in.wav -r 8000 -b 16 -c 1 out.wav)",
            spec.sample_rate, spec.bits_per_sample
        ));
    }
    wav.samples::<i16>()
        .step_by(usize::from(spec.channels.max(1)))
        .collect::<Result<Vec<i16>, _>>()
        .map_err(|error| format!("cannot be read: {error}"))
}
