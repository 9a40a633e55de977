//! The binary: a table of contents. See `src/cli/`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nightbell::cli::main()
}
