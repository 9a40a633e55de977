//! `nightbell make-prompts` (hidden): Mandarin prompts joined from recorded syllables; `setup/prompts-zh` calls it.

use crate::edge::recorded_voice::{RecordedVoice, make_prompts};
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
pub struct Args {
    /// Folder of syllables, as in Debian's gcin-voice: ㄑㄧㄥ3/3.ogg
    #[arg(long)]
    voice: PathBuf,
    /// Which recording of each syllable
    #[arg(long, default_value = "3")]
    speaker: String,
    /// What to say: name, tab, text
    #[arg(long)]
    list: PathBuf,
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: Args) -> ExitCode {
    let made = std::fs::read_to_string(&args.list)
        .map_err(|e| format!("{}: {e}", args.list.display()))
        .and_then(|list| make_prompts(&mut RecordedVoice::new(&args.voice, &args.speaker), &list, &args.out));
    match made {
        Ok(count) => {
            println!("{count} prompts in {}", args.out.display());
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("nightbell make-prompts: {complaint}");
            ExitCode::from(2)
        }
    }
}
