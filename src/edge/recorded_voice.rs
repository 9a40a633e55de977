//! Mandarin prompts on disk: recorded syllables (Ogg Vorbis) read, joined and written as WAV.

use super::sound::Recording;
use crate::rehearsal::{library, mandarin};
use crate::vocabulary::SAMPLE_RATE;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A folder of syllables: `ㄑㄧㄥ3/3.ogg`.
pub struct RecordedVoice {
    folder: PathBuf,
    speaker: String,
    read: BTreeMap<String, Vec<i16>>,
}

impl RecordedVoice {
    /// `speaker` names the recording within a syllable's folder: 3 is one that recognisers understand.
    pub fn new(folder: &Path, speaker: &str) -> RecordedVoice {
        RecordedVoice { folder: folder.into(), speaker: speaker.into(), read: BTreeMap::new() }
    }

    /// Says `text`, at 8 kHz.
    pub fn say(&mut self, text: &str) -> Result<Vec<i16>, String> {
        mandarin::joined(&mandarin::beats(text), |syllable| self.syllable(syllable))
    }

    fn syllable(&mut self, wanted: &String) -> Result<Vec<i16>, String> {
        if let Some(samples) = self.read.get(wanted) {
            return Ok(samples.clone());
        }
        let file = mandarin::stand_ins(wanted)
            .iter()
            .map(|name| self.folder.join(name).join(format!("{}.ogg", self.speaker)))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("the voice in {} has no syllable {wanted}", self.folder.display()))?;
        let samples = vorbis(&file)?.at(SAMPLE_RATE).samples;
        self.read.insert(wanted.clone(), samples.clone());
        Ok(samples)
    }
}

fn vorbis(path: &Path) -> Result<Recording, String> {
    let named = |e: String| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(|e| named(e.to_string()))?;
    let mut reader = lewton::inside_ogg::OggStreamReader::new(file).map_err(|e| named(e.to_string()))?;
    let (channels, rate) = (usize::from(reader.ident_hdr.audio_channels.max(1)), reader.ident_hdr.audio_sample_rate);
    let mut samples = Vec::new();
    while let Some(packet) = reader.read_dec_packet_itl().map_err(|e| named(e.to_string()))? {
        samples.extend(packet.chunks(channels).map(|c| c[0]));
    }
    Ok(Recording { samples, rate })
}

/// Writes `out/NAME.wav` for every line of a list (`name`, tab, text). Gives how many.
pub fn make_prompts(voice: &mut RecordedVoice, list: &str, out: &Path) -> Result<usize, String> {
    let list = library::read_list(list)?;
    fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    for (name, text) in &list {
        let path = out.join(format!("{name}.wav"));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let failed = |e: hound::Error| format!("{}: {e}", path.display());
        let mut writer = hound::WavWriter::create(&path, spec).map_err(failed)?;
        for sample in voice.say(text).map_err(|e| format!("{name}: {e}"))? {
            writer.write_sample(sample).map_err(failed)?;
        }
        writer.finalize().map_err(failed)?;
    }
    Ok(list.len())
}
