//! The command line: one file per command.

mod call;
mod check;
mod forget;
mod hear_worker;
mod live;
mod log;
mod make_prompts;
mod map;
mod model;
mod read;
mod rehearse;
mod replay;
mod replay_many;
mod report;
mod run;
mod serve;
pub mod terminal;
mod traffic;
mod transcribe;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Synthetic calls to telephone hotlines.
#[derive(Parser)]
#[command(name = "nightbell", version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every problem of every file at once, and the tests written in them; no call is made
    Check(check::Args),
    /// One call now, with the timeline as it happens
    Call(call::Args),
    /// Probes once, now
    Run(run::Args),
    /// The daemon: calls when it should, tells Prometheus what came of it
    Serve(serve::Args),
    /// The menu tree of a hotline, found by calling it; what changed since it was saved
    Map(map::Args),
    /// A tape again; of several, which verdicts and findings would be others today
    Replay(replay::Args),
    /// Speech models: list, import, pull
    Model(model::Args),
    /// What the words of a prompt mean: kind, options, staleness
    Read(read::Args),
    /// Pretend hotlines on loopback, to call and to test with
    Rehearse(rehearse::Args),
    /// A process that only hears; started by others
    #[command(hide = true)]
    HearWorker(hear_worker::Args),
    /// Mandarin prompts from recorded syllables
    #[command(hide = true)]
    MakePrompts(make_prompts::Args),
    /// Writes down what is said in WAV files
    Transcribe(transcribe::Args),
    /// A call is deleted on request; the ledger keeps a tombstone
    Forget(forget::Args),
    /// The month as HTML, PDF, XLSX, CSV and JSON
    Report(report::Args),
    /// The ledger of the daemon: nothing altered, nothing missing
    Verify(verify::Args),
}

/// Runs the command on the command line; the exit codes are the contract's.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    match &command {
        Command::Serve(args) => log::daemon(args.log_format),
        _ => log::quiet(),
    }
    match command {
        Command::Check(args) => check::run(args),
        Command::Call(args) => call::run(args),
        Command::Run(args) => run::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Map(args) => map::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Model(args) => model::run(args),
        Command::Read(args) => read::run(args),
        Command::Rehearse(args) => rehearse::run(args),
        Command::HearWorker(args) => hear_worker::run(args),
        Command::MakePrompts(args) => make_prompts::run(args),
        Command::Transcribe(args) => transcribe::run(args),
        Command::Forget(args) => forget::run(args),
        Command::Report(args) => report::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
