//! Rust sources as the tidy tests see them: code without comments, strings and inline tests, and the paths it names.

use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The text with comments, strings and everything from an inline `#[cfg(test)] mod` on blanked out; lines stay.
    pub code: String,
    /// Paths named, as `a::b::c`, use-trees written out; with their line, from 1.
    pub paths: Vec<(usize, String)>,
}

impl Source {
    pub fn read(path: PathBuf) -> Source {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let code = without_tests(&blanked(&text));
        let paths = if is_test_file(&path) { Vec::new() } else { paths(&code) };
        let code = if is_test_file(&path) { String::new() } else { code };
        Source { path, text, code, paths }
    }

    /// Relative to the repository.
    pub fn shown(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        self.path.strip_prefix(root).unwrap_or(&self.path).display().to_string()
    }

    /// The line, or the one before it, carries a comment with this word and a reason after it.
    pub fn excused(&self, line: usize, word: &str) -> bool {
        let lines: Vec<&str> = self.text.lines().collect();
        [line, line.saturating_sub(1)].iter().filter(|n| **n > 0).any(|n| {
            lines.get(n - 1).and_then(|l| l.split_once("//")).is_some_and(|(_, comment)| {
                comment.split_once(word).is_some_and(|(_, reason)| !reason.trim().is_empty())
            })
        })
    }
}

/// A file that is nothing but tests: `tests.rs`, or in a folder `tests`.
fn is_test_file(path: &Path) -> bool {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap_or(Path::new(""));
    inside.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs") || part.ends_with("_test.rs")
    })
}

/// `.rs` files under a folder, sorted.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                files.push(path);
            }
        }
    }
    files.sort_by_key(|path| (path.parent().map(Path::to_path_buf), path.clone()));
    files
}

/// What git keeps (and what is new and not ignored), less the lock file, which names its registry by nature.
pub fn tracked_files(root: &Path) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git is here");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    listed.lines().filter(|name| !name.ends_with("Cargo.lock")).map(|name| root.join(name)).collect()
}

/// Comments, strings and characters as blanks; line breaks stay.
fn blanked(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let two: (char, char) = (rest[0], *rest.get(1).unwrap_or(&' '));
        let previous_is_word = i > 0 && (bytes[i - 1].is_alphanumeric() || bytes[i - 1] == '_');
        let length = if two == ('/', '/') {
            rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
        } else if two == ('/', '*') {
            block_comment(rest)
        } else if let (false, Some(length)) = (previous_is_word, raw_string(rest)) {
            length
        } else if rest[0] == '"' {
            quoted(rest, '"')
        } else if rest[0] == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            out.push(rest[0]);
            i += 1;
            continue;
        };
        out.extend(rest[..length].iter().map(|c| blank(*c)));
        i += length;
    }
    out
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        match (rest[i], rest.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 1),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 1),
            _ => {}
        }
        i += 1;
        if depth == 0 {
            break;
        }
    }
    i
}

/// `r"…"`, `r#"…"#`, `br#"…"#`
fn raw_string(rest: &[char]) -> Option<usize> {
    let after_b = usize::from(rest.first() == Some(&'b'));
    (rest.get(after_b) == Some(&'r')).then_some(())?;
    let hashes = rest[after_b + 1..].iter().take_while(|c| **c == '#').count();
    let open = after_b + 1 + hashes;
    (rest.get(open) == Some(&'"')).then_some(())?;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let at = rest[open + 1..].windows(end.len()).position(|w| w == end.as_slice())?;
    Some(open + 1 + at + end.len())
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != quote {
        i += if rest[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(rest.len())
}

/// A character and not a lifetime.
fn is_character(rest: &[char]) -> bool {
    rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'')
}

/// Without inline test modules, which by habit stand last in a file.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let lines: Vec<&str> = code.lines().collect();
    let mut i = 0;
    while i < lines.len() {
        let opens = lines[i].trim() == "#[cfg(test)]"
            && lines[i + 1..].iter().find(|l| !l.trim().starts_with("#[")).is_some_and(|l| l.trim().ends_with('{'));
        if !opens {
            out.push_str(lines[i]);
            out.push('\n');
            i += 1;
            continue;
        }
        let mut depth = 0i32;
        loop {
            depth += lines[i].matches('{').count() as i32 - lines[i].matches('}').count() as i32;
            let closes = depth <= 0 && lines[i].contains('}');
            out.push('\n');
            i += 1;
            if closes || i >= lines.len() {
                break;
            }
        }
    }
    out
}

/// Every path, use-trees written out.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let tokens = tokens(code);
    let mut i = 0;
    while i < tokens.len() {
        let (line, token) = &tokens[i];
        if token == "use" {
            let end = tokens[i..].iter().position(|(_, t)| t == ";").map_or(tokens.len(), |n| i + n);
            use_tree(&tokens[i + 1..end], "", &mut found);
            i = end;
        } else if is_word(token) {
            let mut path = token.clone();
            let mut j = i + 1;
            while j + 1 < tokens.len() && tokens[j].1 == "::" && is_word(&tokens[j + 1].1) {
                path = format!("{path}::{}", tokens[j + 1].1);
                j += 2;
            }
            found.push((*line, path));
            i = j;
        } else {
            i += 1;
        }
    }
    found
}

fn use_tree(tokens: &[(usize, String)], prefix: &str, found: &mut Vec<(usize, String)>) {
    let joined = |word: &str| if prefix.is_empty() { word.to_string() } else { format!("{prefix}::{word}") };
    let mut path = prefix.to_string();
    let mut i = 0;
    while i < tokens.len() {
        let (line, token) = &tokens[i];
        match token.as_str() {
            "{" => {
                let mut depth = 0;
                let close = tokens[i..].iter().position(|(_, t)| {
                    depth += i32::from(t == "{") - i32::from(t == "}");
                    depth == 0
                });
                let close = close.map_or(tokens.len(), |n| i + n);
                use_tree(&tokens[i + 1..close], &path, found);
                path = prefix.to_string();
                i = close;
            }
            "," => {
                if path != prefix {
                    found.push((*line, path.clone()));
                }
                path = prefix.to_string();
            }
            "::" | "*" => {}
            "as" => i += 1,
            word => path = if path == prefix { joined(word) } else { format!("{path}::{word}") },
        }
        i += 1;
    }
    if path != prefix
        && let Some((line, _)) = tokens.last()
    {
        found.push((*line, path));
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push((number + 1, rest[..length].to_string()));
            }
            rest = &rest[length..];
        }
    }
    tokens
}

#[test]
fn sources_are_read_as_the_compiler_would() {
    let check = |code: &str, wanted: &[&str]| {
        let got: Vec<String> = paths(&without_tests(&blanked(code))).into_iter().map(|(_, path)| path).collect();
        assert_eq!(got, wanted, "{code}");
    };
    check("use std::{fs, net::{UdpSocket, IpAddr}};", &["std::fs", "std::net::UdpSocket", "std::net::IpAddr"]);
    check("use crate::call::sip::Caller as C;", &["crate::call::sip::Caller"]);
    check("let x = std::time::Instant::now();", &["let", "x", "std::time::Instant::now"]);
    check("// std::fs\nfn a() { \"tokio\"; 'x'; }", &["fn", "a"]);
    check("fn a<'b>(x: &'b str) {}", &["fn", "a", "b", "x", "b", "str"]);
    check("let s = r#\"use std::fs; \"quoted\" \"#; done", &["let", "s", "done"]);
    check("one\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn a() {}\n}\ntwo", &["one", "two"]);
    check("/* a /* b */ std::fs */ c", &["c"]);
}
