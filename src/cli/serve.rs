//! `nightbell serve`: the daemon.

use super::log::Format;
use crate::edge::store::Places;
use crate::edge::watch::{self, Ending, NoStart, Settings, SystemWall};
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::mpsc;

#[derive(ClapArgs)]
#[command(after_help = "\
Calls the probes of a folder by their schedules, keeps every call and its evidence in the data folder, and serves
/metrics, /probe, /alerts, /-/reload, /-/healthy and /-/ready.
  SIGTERM, Ctrl-C   no new calls; calls in flight are ended and kept; a second one hurries
  SIGHUP            reads the files again; with a mistake in them the old ones stay in use
  DATA/stop         while this file is there, nobody is called (_watch.yaml: kill_switch names another)
Addresses that may hold a password come from the environment:
  NIGHTBELL_DATABASE  postgres://…, in place of the file in the data folder
  NIGHTBELL_EVIDENCE  s3://BUCKET/PREFIX, in place of the data folder
Examples:
  nightbell serve
  nightbell serve --config /etc/nightbell --data /var/lib/nightbell --log-format json
Exit: 0 stopped in order · 2 wrong words here or in a file · 3 our own fault, or calls were cut off")]
pub struct Args {
    /// The folder of hotline files
    #[arg(long, value_name = "DIR", default_value = "probes")]
    config: PathBuf,
    /// Where records, evidence and the ledger are kept
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Where the web is served: HOST:PORT, or :PORT for every address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9875")]
    listen: String,
    /// TLS and passwords of the web, in a file as Prometheus exporters have it
    #[arg(long, value_name = "FILE")]
    web_config: Option<PathBuf>,
    /// Lines for people, or JSON for machines
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: Format,
}

pub fn run(args: Args) -> ExitCode {
    let settings = Settings {
        config: args.config,
        places: Places::from_env(&args.data),
        listen: args.listen,
        web_config: args.web_config,
    };
    super::live::block_on(async move {
        let (orders, ordered) = mpsc::unbounded_channel();
        if let Err(e) = watch::by_signals(orders.clone()) {
            eprintln!("nightbell: signals cannot be watched: {e}");
            return ExitCode::from(3);
        }
        match watch::watch(settings, Arc::new(SystemWall), (orders, ordered), |_| ()).await {
            Ok(Ending::InOrder) => ExitCode::SUCCESS,
            Ok(Ending::CutShort) => ExitCode::from(3),
            Err(NoStart::Wrong(mistakes)) => {
                for mistake in mistakes {
                    eprintln!("{mistake}");
                }
                ExitCode::from(2)
            }
            Err(NoStart::Ours(why)) => {
                eprintln!("nightbell: {why}");
                ExitCode::from(3)
            }
        }
    })
}
