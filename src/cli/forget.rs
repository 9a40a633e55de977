//! `nightbell forget CALL…`: somebody asks that a call be forgotten.

use crate::edge::store::{NotForgotten, Places, Store, StoreError};
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
#[command(after_help = "\
Deletes tape, recording and record of calls at once, whatever retention says. The ledger keeps a tombstone: that there was
a call and what it came to, what was deleted (by its hash), who asked for it and why; nightbell verify stays sound.
A data folder that nightbell serve holds is not touched from here: there, an operator has it done on the call's page.

Example:
  nightbell forget 01J9ZC1V7Q8Y3R4T5W6X7Y8Z9A --why \"Ms. Li asked for it on 3 December\"
Exit: 0 forgotten · 2 wrong words, or nothing there to forget · 3 our own fault")]
pub struct Args {
    /// The ids of calls
    #[arg(required = true, value_name = "CALL")]
    calls: Vec<String>,
    /// Why, and at whose request; it stands in the ledger for good
    #[arg(long, value_name = "WORDS")]
    why: String,
    /// Who does it [default: the name of this user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The data folder of nightbell serve
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

pub fn run(args: Args) -> ExitCode {
    if args.why.trim().is_empty() {
        eprintln!("nightbell: --why is empty; say why, and at whose request: it stands in the ledger");
        return ExitCode::from(2);
    }
    if !args.data.is_dir() {
        eprintln!("nightbell: there is no data folder {}; name it with --data", args.data.display());
        return ExitCode::from(2);
    }
    let by = args.by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "the command line".into());
    super::live::block_on(async move {
        let store = match Store::open(&Places::from_env(&args.data), chrono::Utc::now()).await {
            Ok(store) => store,
            Err(StoreError::InUse(folder)) => {
                eprintln!(
                    "nightbell: {} is held by a running nightbell; have it done on the page /calls/ID by an operator, or \
                     stop that one first",
                    folder.display()
                );
                return ExitCode::from(2);
            }
            Err(e) => {
                eprintln!("nightbell: {e}");
                return ExitCode::from(3);
            }
        };
        let mut code = 0;
        for call in &args.calls {
            match store.forget(chrono::Utc::now(), call, &by, args.why.trim()).await {
                Ok(files) => {
                    println!("{call}: forgotten ({files} things deleted; the ledger keeps that there was a call)")
                }
                Err(NotForgotten::Store(e)) => {
                    eprintln!("nightbell: {call}: {e}");
                    code = 3;
                }
                Err(e) => {
                    eprintln!("nightbell: {e}");
                    code = code.max(2);
                }
            }
        }
        store.close().await;
        ExitCode::from(code)
    })
}
