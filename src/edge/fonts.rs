//! Fonts for the report on paper: Noto Sans CJK, which draws Chinese and Latin, from the cache or from the system.

use crate::edge::cache;
use crate::publish::report::pdf::{Fonts, chinese_face};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Where distributions keep it: Debian and Ubuntu, Arch, Fedora.
const PLACES: [&str; 5] = [
    "/usr/share/fonts/opentype/noto",
    "/usr/share/fonts/noto-cjk",
    "/usr/share/fonts/google-noto-cjk",
    "/usr/share/fonts/google-noto-sans-cjk-fonts",
    "/usr/local/share/fonts",
];
const PAIRS: [(&str, &str); 3] = [
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf"),
    ("SourceHanSansSC-Regular.otf", "SourceHanSansSC-Bold.otf"),
];

/// The fonts, or what to type to have them.
pub fn find() -> Result<Fonts, String> {
    let own = std::env::var_os("NIGHTBELL_FONTS").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folders: Vec<PathBuf> = match own {
        Some(folder) => vec![folder],
        None => [cache::folder().join("fonts")].into_iter().chain(PLACES.map(PathBuf::from)).collect(),
    };
    for folder in &folders {
        for (regular, bold) in PAIRS {
            if let (Ok(regular), Ok(bold)) = (fs::read(folder.join(regular)), fs::read(folder.join(bold))) {
                let face = chinese_face(&regular);
                return Ok(Fonts { regular: Arc::new(regular), bold: Arc::new(bold), face });
            }
        }
    }
    let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Err(format!(
        "a PDF needs Noto Sans CJK, and it is not in {}; type: sudo apt-get install fonts-noto-cjk (without root, from the source: setup/fonts), or set NIGHTBELL_FONTS to a folder with {} and {}",
        looked.join(", "),
        PAIRS[0].0,
        PAIRS[0].1
    ))
}
