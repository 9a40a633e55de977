//! Where large things are kept that are not part of the project: models, recorded prompts, an Asterisk.

use std::path::PathBuf;

/// `NIGHTBELL_CACHE`, else `nightbell` in the user's cache folder. The scripts in `setup/` use the same.
pub fn folder() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    named("NIGHTBELL_CACHE").unwrap_or_else(|| {
        named("XDG_CACHE_HOME")
            .or_else(|| named("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("nightbell")
    })
}

/// Speech models.
pub fn models() -> PathBuf {
    folder().join("models")
}

/// Recorded prompts: `en/`, `zh/`, `moh/`.
pub fn prompts() -> PathBuf {
    folder().join("prompts")
}
