//! The files users write, from the disk.

use super::pem;
use crate::config::web_file::Look;
use crate::config::{self, Config, Problem, Sources};
use crate::record::map;
use crate::understanding::tree::Map;
use crate::vocabulary::limits;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The files of a folder (or one file and the trunks beside it), as they lie there.
pub struct Folder {
    /// (path as shown to people, bytes), sorted.
    pub files: Vec<(String, Vec<u8>)>,
    /// Files that could not be read.
    pub problems: Vec<Problem>,
}

/// Reads `probes/*.yaml`. `Err` is a sentence: the folder itself is not there.
pub fn read(path: &Path) -> Result<Folder, String> {
    let shown = path.display();
    let (folder, only) = if path.is_dir() {
        (path, None)
    } else if path.is_file() {
        (path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")), path.file_name())
    } else {
        return Err(format!("there is no folder {shown}; make one with a file per hotline, or name another"));
    };
    let entries = fs::read_dir(folder).map_err(|error| format!("the folder {shown} cannot be read: {error}"))?;
    let mut read = Folder { files: Vec::new(), problems: Vec::new() };
    for entry in entries.flatten() {
        let path = if folder == Path::new(".") { entry.file_name().into() } else { entry.path() };
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        let wanted = only.is_none_or(|only| {
            entry.file_name() == only || name.starts_with("_trunks.") || name.starts_with("_watch.")
        });
        if !is_yaml || name.starts_with('.') || !wanted || !path.is_file() {
            continue;
        }
        let shown = path.to_string_lossy().into_owned();
        match bounded(&path) {
            Ok(bytes) => read.files.push((shown, bytes)),
            Err(error) => read.problems.push(Problem::new(
                shown,
                1,
                1,
                format!("the file cannot be read: {error}"),
                "write (set) its permissions so that it can be read",
            )),
        }
    }
    read.files.sort();
    Ok(read)
}

/// Everything of a folder, trusted, or every problem.
pub fn load(path: &Path) -> Result<Config, Vec<Problem>> {
    let folder = read(path).map_err(|sentence| {
        vec![Problem::new(path.to_string_lossy(), 1, 1, sentence, "write the folder's name right")]
    })?;
    // A pair that is being renewed is its own trunk's trouble; `nightbell check` looks into all of them.
    check_on(&folder, chrono::Utc::now(), &|_, _| Ok(()))
}

/// The files of a folder against each other, against the sound files, certificates and keys on the disk and against
/// today's date.
pub fn check(folder: &Folder) -> Result<Config, Vec<Problem>> {
    check_on(folder, chrono::Utc::now(), &pem::look)
}

/// The same for a process that outlives consents: one that has ended stops its hotline's calls, not all the others'. So
/// does a certificate that is being renewed: its trunk is down meanwhile, and says so.
pub fn check_whenever(folder: &Folder) -> Result<Config, Vec<Problem>> {
    check_on(folder, chrono::DateTime::UNIX_EPOCH, &|_, _| Ok(()))
}

fn check_on(folder: &Folder, now: chrono::DateTime<chrono::Utc>, look: Look) -> Result<Config, Vec<Problem>> {
    let exists = |path: &str| Path::new(path).is_file();
    let sources = Sources { files: folder.files.clone(), now, exists: &exists };
    match config::load_looking(&sources, look) {
        Ok(config) if folder.problems.is_empty() => {
            let files = config.hotlines.iter().flat_map(|hotline| &hotline.maps).map(|map| Path::new(&map.file));
            let problems: Vec<Problem> =
                files.filter_map(|file| load_map(file).err()).map(|problem| *problem).collect();
            if problems.is_empty() { Ok(config) } else { Err(problems) }
        }
        Ok(_) => Err(folder.problems.clone()),
        Err(mut problems) => {
            problems.extend(folder.problems.iter().cloned());
            problems.sort();
            Err(problems)
        }
    }
}

/// A map that `nightbell map --save` wrote.
pub fn load_map(path: &Path) -> Result<Map, Box<Problem>> {
    let wrong = |what: String| {
        let write = "write the name of a map that nightbell map HOTLINE --save FILE.yaml has made";
        Box::new(Problem::new(path.to_string_lossy(), 1, 1, what, write))
    };
    let text = fs::read_to_string(path).map_err(|e| wrong(format!("the map cannot be read: {e}")))?;
    map::read(&text).map_err(|e| wrong(format!("this is no map that nightbell saved: {e}")))
}

/// At most one byte more than is allowed: the reader complains about the rest.
fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limits::CONFIG_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
