//! How long a report of a month with 100,000 calls takes, in processor time, by format. `cargo bench --bench report`.

#[path = "../tests/month/mod.rs"]
mod month;

use month::{MONTH, files, make};
use nightbell::edge::store::Places;
use std::process::Command;
use std::time::Instant;

/// Processor time of children that have ended (proc(5), `cutime` and `cstime`).
fn children_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(13) + ticks(14)) / 100.0
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    files(&folder.path().join("probes"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let made = runtime.block_on(make(&Places::folder(&folder.path().join("data")), 7, 92));
    println!("{} calls kept in {:.0?}", made.calls, began.elapsed());
    for formats in ["json", "csv", "html", "xlsx", "pdf", "html,pdf,xlsx,csv,json"] {
        let (began, used) = (Instant::now(), children_s());
        let told = Command::new(env!("CARGO_BIN_EXE_nightbell"))
            .current_dir(folder.path())
            .args(["report", "--month", MONTH, "--format", formats, "--out", "out"])
            .output()
            .expect("the report runs");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        println!("{formats}: {:.2} s of a core, {:.2?} by the clock", children_s() - used, began.elapsed());
    }
}
