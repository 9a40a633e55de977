//! Speech models on disk: which are there, which one is used, and how one gets there.

pub mod convert;
pub mod half;

use super::cache;
use convert::GgmlHead;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What is used unless `NIGHTBELL_MODEL` names another: made by `make model`.
pub const USUAL: &str = "base-q8_0";
/// The voice gate in front of recognition.
pub const GATE: &str = "ggml-silero-v6.2.0.bin";
/// Names that `nightbell model pull` knows to exist at the hub, with their sizes in megabytes.
pub const AT_HUB: [(&str, u32); 10] = [
    ("tiny", 78),
    ("base", 148),
    ("base-q5_1", 60),
    ("small", 488),
    ("small-q5_1", 190),
    ("medium", 1_533),
    ("medium-q5_0", 539),
    ("large-v3", 3_095),
    ("large-v3-turbo", 1_624),
    ("large-v3-turbo-q5_0", 574),
];
/// Where whisper.cpp's authors keep ggml files; `NIGHTBELL_MODEL_HUB` names a mirror.
const HUB: &str = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main";

/// The two files that recognition needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    pub whisper: PathBuf,
    pub gate: PathBuf,
}

/// The model to use: `wanted` (a name or a file), else `NIGHTBELL_MODEL`, else the usual one. What is missing is said with what
/// to type.
pub fn find(wanted: Option<&str>) -> Result<ModelFiles, String> {
    let named = wanted.map(str::to_string).or_else(|| std::env::var("NIGHTBELL_MODEL").ok().filter(|v| !v.is_empty()));
    let name = named.as_deref().unwrap_or(USUAL);
    let folder = cache::models();
    let whisper = if name.contains(std::path::MAIN_SEPARATOR) || name.ends_with(".bin") {
        PathBuf::from(name)
    } else {
        file_of(&folder, name)
    };
    if !whisper.is_file() {
        return Err(match named {
            None => format!(
                "the speech model is missing ({}). Type: make model (in a clone), or: nightbell model import FILE",
                whisper.display()
            ),
            Some(name) => {
                format!("no speech model '{name}' here ({}). Type: nightbell model list", whisper.display())
            }
        });
    }
    let gate = folder.join(GATE);
    let beside = whisper.with_file_name(GATE);
    let gate = if gate.is_file() { gate } else { beside };
    if !gate.is_file() {
        return Err(format!(
            "the voice gate is missing ({}): without it noise would become words. Type: make model (in a clone), or put \
             whisper.cpp's Silero file there",
            folder.join(GATE).display()
        ));
    }
    Ok(ModelFiles { whisper, gate })
}

/// A model in the cache.
pub struct Listed {
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    /// What its head says, or what is wrong with it.
    pub head: Result<GgmlHead, String>,
}

/// The models in the cache, by name.
pub fn list() -> std::io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    let folder = cache::models();
    if !folder.is_dir() {
        return Ok(listed);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(name) = file_name.strip_prefix("ggml-").and_then(|n| n.strip_suffix(".bin")) else { continue };
        if file_name == GATE {
            continue;
        }
        let bytes = path.metadata()?.len();
        listed.push(Listed { name: name.to_string(), bytes, head: head_of(&path), path });
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listed)
}

/// Copies a ggml file into the cache after reading it from end to end. Gives its name there.
pub fn import(file: &Path, name: Option<&str>) -> Result<(String, GgmlHead), String> {
    let bytes = fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let head = convert::read_ggml(&bytes).map_err(|e| format!("{}: {e}", file.display()))?;
    let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.map(str::to_string).unwrap_or_else(|| stem.strip_prefix("ggml-").unwrap_or(&stem).to_string());
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(format!(
            "'{name}' cannot be a model's name: letters, digits, '-', '_' and '.'; give one with --name"
        ));
    }
    let folder = cache::models();
    let target = file_of(&folder, &name);
    if fs::canonicalize(file).ok() != fs::canonicalize(&target).ok() || !target.exists() {
        write_whole(&target, &bytes).map_err(|e| format!("{}: {e}", target.display()))?;
    }
    Ok((name, head))
}

/// Fetches a model from the hub of whisper.cpp's authors with the machine's `curl` or `wget`, and imports it.
pub fn pull(name: &str) -> Result<(String, GgmlHead), String> {
    let hub = std::env::var("NIGHTBELL_MODEL_HUB").unwrap_or_else(|_| HUB.to_string());
    let address = format!("{}/ggml-{name}.bin", hub.trim_end_matches('/'));
    let folder = cache::models();
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let part = folder.join(format!("ggml-{name}.bin.part"));
    let by_hand = format!("Fetch ggml-{name}.bin where you can, then type: nightbell model import ggml-{name}.bin");
    let tools: [(&str, &[&str]); 2] = [
        ("curl", &["-fL", "--connect-timeout", "15", "--retry", "2", "-o"]),
        ("wget", &["--timeout=15", "--tries=2", "-O"]),
    ];
    for (tool, flags) in tools {
        match std::process::Command::new(tool).args(flags).arg(&part).arg(&address).status() {
            Ok(status) if status.success() => {
                let imported = import(&part, Some(name));
                let _ = fs::remove_file(&part);
                return imported.map_err(|e| format!("what came from {address} is not a model: {e}"));
            }
            Ok(_) => {
                let _ = fs::remove_file(&part);
                return Err(format!("{address} could not be fetched from here. {by_hand}"));
            }
            Err(_) => {}
        }
    }
    Err(format!("neither curl nor wget is here to fetch {address}. {by_hand}"))
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("ggml-{name}.bin"))
}

fn head_of(path: &Path) -> Result<GgmlHead, String> {
    // The head, the filters and nothing else: enough for a list.
    let mut start = vec![0; 4 << 20];
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let mut have = 0;
    while have < start.len() {
        match file.read(&mut start[have..]) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(e) => return Err(e.to_string()),
        }
    }
    convert::read_ggml_head(&start[..have])
}

/// Whole or not at all: written beside its place, then renamed.
pub fn write_whole(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = target.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, target)
}
