//! `nightbell hear-worker` (hidden): the process that a pool of workers starts. See `edge::whisper`.

use crate::edge::model::ModelFiles;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
pub struct Args {
    #[arg(long)]
    model: PathBuf,
    #[arg(long)]
    gate: PathBuf,
}

pub fn run(args: Args) -> ExitCode {
    let files = ModelFiles { whisper: args.model, gate: args.gate };
    serve(&files)
}

#[cfg(feature = "whisper")]
fn serve(files: &ModelFiles) -> ExitCode {
    crate::edge::whisper::worker::serve(files)
}

#[cfg(not(feature = "whisper"))]
fn serve(_: &ModelFiles) -> ExitCode {
    use crate::edge::whisper::wire::{Reply, write_frame};
    let complaint = "this nightbell was built without speech recognition (cargo feature `whisper`)".to_string();
    let _ = write_frame(&mut std::io::stdout().lock(), &Reply::Unfit { complaint }.bytes());
    ExitCode::from(3)
}
