//! `nightbell model`: which speech models are here, and how one gets here.

use crate::edge::model::{self, convert};
use clap::{Args as ClapArgs, Subcommand};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// The models in the cache, and those that `pull` knows
    List,
    /// Checks a ggml file and copies it into the cache
    Import {
        file: PathBuf,
        /// What to call it (the file's name, unless said otherwise)
        #[arg(long)]
        name: Option<String>,
    },
    /// Fetches a model from the hub of whisper.cpp's authors (not reachable from everywhere)
    Pull { name: String },
    /// CTranslate2 weights to ggml, f16 and q8_0
    #[command(hide = true)]
    Convert {
        #[arg(long)]
        weights: PathBuf,
        #[arg(long)]
        vocabulary: PathBuf,
        /// Where to write ggml, f16 (left out: only the smaller one is written)
        #[arg(long)]
        f16: Option<PathBuf>,
        /// Where to write ggml, q8_0
        #[arg(long)]
        q8_0: PathBuf,
    },
}

pub fn run(args: Args) -> ExitCode {
    let done = match args.action {
        Action::List => list(),
        Action::Import { file, name } => model::import(&file, name.as_deref()).map(tell),
        Action::Pull { name } => model::pull(&name).map(tell),
        Action::Convert { weights, vocabulary, f16, q8_0 } => convert(weights, vocabulary, f16, q8_0),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("nightbell model: {complaint}");
            ExitCode::from(3)
        }
    }
}

fn tell((name, head): (String, convert::GgmlHead)) {
    println!("{name}: {}", described(&head));
    println!("Used when NIGHTBELL_MODEL={name} is set.");
}

fn described(head: &convert::GgmlHead) -> String {
    let languages = if head.multilingual() { "multilingual" } else { "English only" };
    format!("Whisper {}, {}, {languages}", head.size_name(), head.weights_name())
}

fn list() -> Result<(), String> {
    let here = model::list().map_err(|e| e.to_string())?;
    let used = model::find(None).ok();
    println!("In {}:", crate::edge::cache::models().display());
    for one in &here {
        let mark = if used.as_ref().is_some_and(|u| u.whisper == one.path) { "*" } else { " " };
        let what = match &one.head {
            Ok(head) => described(head),
            Err(complaint) => format!("not usable: {complaint}"),
        };
        println!("{mark} {:<22} {:>6} MB  {what}", one.name, one.bytes / 1_000_000);
    }
    if here.is_empty() {
        println!("  none yet. Type: make model (in a clone), or: nightbell model import FILE");
    }
    println!("\nAt the hub of whisper.cpp's authors (nightbell model pull NAME):");
    for (name, megabytes) in model::AT_HUB {
        println!("  {name:<22} {megabytes:>6} MB");
    }
    println!("\n* is used; NIGHTBELL_MODEL names another.");
    Ok(())
}

fn convert(weights: PathBuf, vocabulary: PathBuf, f16: Option<PathBuf>, q8_0: PathBuf) -> Result<(), String> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let write = |path: &PathBuf, bytes: &[u8]| {
        model::write_whole(path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        let digest: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        println!("{digest}  {}", path.display());
        Ok::<_, String>(())
    };
    let whole = convert::ggml_from_ctranslate2(&read(&weights)?, &read(&vocabulary)?)?;
    let small = convert::quantised(&whole)?;
    if let Some(path) = f16 {
        write(&path, &whole)?;
    }
    write(&q8_0, &small)
}
