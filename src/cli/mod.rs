//! The command line: one file per command.

mod check;
mod model;
mod read;

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
    /// Speech models: list, import, pull
    Model(model::Args),
    /// What the words of a prompt mean: kind, options, staleness
    Read(read::Args),
}

/// Runs the command on the command line; the exit codes are the contract's.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(args),
        Command::Model(args) => model::run(args),
        Command::Read(args) => read::run(args),
    }
}
