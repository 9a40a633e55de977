//! Every mistake has its complaint: one folder per mistake under `fixtures/mistakes`, the complaint beside it.
//!
//! After a change of wording, `NIGHTBELL_BLESS=1 cargo test --test mistakes` writes the complaints anew: read the diff.

use nightbell::config::{self, Sources};
use nightbell::vocabulary::Seed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mistakes");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).expect("the corpus is there").map(|e| e.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

#[test]
fn every_mistake_has_its_exact_complaint() {
    let bless = std::env::var_os("NIGHTBELL_BLESS").is_some();
    let mut differing = Vec::new();
    for folder in folders() {
        let run = Command::new(env!("CARGO_BIN_EXE_nightbell")).args(["check", "."]).current_dir(&folder).output();
        let run = run.expect("nightbell runs");
        let said = String::from_utf8(run.stdout).expect("complaints are UTF-8");
        assert_eq!(run.status.code(), Some(2), "{}: a mistake is exit code 2", folder.display());
        let complaint = folder.join("complaint.txt");
        if bless {
            fs::write(&complaint, &said).expect("writable");
        } else if fs::read_to_string(&complaint).unwrap_or_default() != said {
            differing.push(format!("--- {}\n{said}", folder.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn there_are_forty_mistakes_or_more() {
    assert!(folders().len() >= 40);
}

#[test]
fn what_we_ship_has_nothing_to_complain_about() {
    let run = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["check", "probes"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("nightbell runs");
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn no_password_is_ever_printed() {
    for folder in folders() {
        let complaint = fs::read_to_string(folder.join("complaint.txt")).expect("the complaint is there");
        for secret in ["hunter2", "s3cr3t!"] {
            assert!(!complaint.contains(secret), "{} prints a password", folder.display());
        }
    }
}

/// Files cut short, with bytes changed, doubled and taken away: whatever comes in, there is a place for every complaint.
#[test]
fn no_file_makes_the_reader_panic_or_complain_outside_the_file() {
    let mut seed = Seed::new(4711);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for folder in folders() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "yaml") {
                files.push(fs::read(path).unwrap());
            }
        }
    }
    let spice: &[&[u8]] = &[
        b"*",
        b"&a",
        b"#",
        b"\t",
        b": ",
        b"- ",
        b"{",
        b"]",
        b"\"",
        b"'",
        b"|\n",
        b"<<",
        b"\xff",
        "：".as_bytes(),
        b"\n",
        b"!x",
        b"---\n",
        b"\0",
    ];
    for round in 0..3_000 {
        let mut bytes = files[seed.below(files.len() as u64) as usize].clone();
        for _ in 0..=seed.below(3) {
            let at = seed.below(bytes.len().max(1) as u64) as usize;
            match seed.below(4) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => bytes[at] = (seed.next_u32() & 0xff) as u8,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => {
                    let add = spice[seed.below(spice.len() as u64) as usize];
                    bytes.splice(at.min(bytes.len())..at.min(bytes.len()), add.iter().copied());
                }
            }
        }
        let name = if seed.below(4) == 0 { "_trunks.yaml" } else { "a.yaml" };
        let sources = Sources {
            files: vec![(name.to_string(), bytes.clone())],
            now: chrono::DateTime::UNIX_EPOCH,
            exists: &|_| true,
        };
        if let Err(problems) = config::load(&sources) {
            let text = String::from_utf8_lossy(&bytes);
            let lines = text.split('\n').count();
            for problem in problems {
                assert!((1..=lines + 1).contains(&problem.line), "seed 4711, round {round}: {problem}\n{text}");
                assert!(!problem.what.is_empty() && !problem.write.is_empty(), "seed 4711, round {round}: {problem:?}");
                problem.picture();
            }
        }
    }
}
