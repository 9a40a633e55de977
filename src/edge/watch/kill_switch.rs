//! The kill switch: while a file of this name is there, nobody is called.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Characters of the file's first line that are repeated.
const REASON_CHARS_MAX: usize = 200;

/// The reason in the file's first line, when the file is there; whatever else lies there stops calls too.
pub fn thrown(file: &Path) -> Option<String> {
    match std::fs::symlink_metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        // What cannot be looked at is taken for thrown: somebody wanted silence.
        Err(error) => return Some(format!("{} cannot be looked at: {error}", file.display())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    if let Ok(open) = File::open(file) {
        let _ = open.take(4 * REASON_CHARS_MAX as u64).read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let line: String = text.lines().next().unwrap_or_default().trim().chars().take(REASON_CHARS_MAX).collect();
    Some(if line.is_empty() { format!("{} is there", file.display()) } else { line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stops_calls_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stop");
        assert_eq!(thrown(&file), None);
        for (text, told) in [
            (&b""[..], format!("{} is there", file.display())),
            (b"works on the trunk until six\nsecond line", "works on the trunk until six".to_string()),
            (b"\xff\xfe\n", "\u{fffd}\u{fffd}".to_string()),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(thrown(&file), Some(told));
        }
        std::fs::write(&file, "x".repeat(100_000)).unwrap();
        assert_eq!(thrown(&file).map(|t| t.len()), Some(REASON_CHARS_MAX));
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(thrown(&file).is_some(), "a folder of that name");
        std::fs::remove_dir(&file).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", &file).unwrap();
        assert!(thrown(&file).is_some(), "a link that leads nowhere");
    }
}
