//! A PostgreSQL of a test's own, from the programs of the distribution.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A PostgreSQL of its own, on a socket in a folder of its own.
pub struct Postgres {
    folder: tempfile::TempDir,
    server: Child,
    databases: std::cell::Cell<u32>,
}

/// The programs as Debian has them, or in the path.
fn programs() -> PathBuf {
    let mut places: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = places.into_iter().rev().find(|place| place.join("initdb").exists() && place.join("postgres").exists());
    found.expect("no PostgreSQL here; setup/postgres installs it")
}

/// PostgreSQL does not run as root.
fn as_nobody(program: &Path) -> Command {
    if nix_is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "nobody", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn nix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

impl Postgres {
    pub fn start() -> Postgres {
        let folder = tempfile::tempdir().unwrap();
        if nix_is_root() {
            let done = Command::new("chown").arg("nobody").arg(folder.path()).status().unwrap();
            assert!(done.success());
        }
        let (programs, data) = (programs(), folder.path().join("db"));
        let made = as_nobody(&programs.join("initdb"))
            .args(["--auth=trust", "--username=nightbell", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .current_dir("/")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = as_nobody(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "max_connections=60", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .current_dir("/")
            .stderr(Stdio::from(
                fs::File::create(std::env::temp_dir().join(format!("nightbell-postgres-{}.log", std::process::id())))
                    .unwrap(),
            ))
            .spawn()
            .unwrap();
        let postgres = Postgres { folder, server, databases: Default::default() };
        for _ in 0..1_200 {
            if postgres.socket().exists() && postgres.try_sql("postgres", "SELECT 1") {
                return postgres;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL did not start within a minute");
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    fn try_sql(&self, database: &str, sql: &str) -> bool {
        let psql = programs().join("psql");
        let run = Command::new(if psql.exists() { psql } else { "psql".into() })
            .args(["-q", "-U", "nightbell", "-d", database, "-h"])
            .arg(self.folder.path())
            .args(["-c", sql])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.is_ok_and(|status| status.success())
    }

    /// The address of a database that is empty.
    pub fn database(&self) -> String {
        self.databases.set(self.databases.get() + 1);
        let name = format!("watch{}", self.databases.get());
        assert!(self.try_sql("postgres", &format!("CREATE DATABASE {name}")));
        format!("postgres://nightbell@localhost/{name}?host={}", self.folder.path().display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server behind runuser: its own file of its own folder names it. SIGQUIT is its immediate shutdown.
        if let Ok(text) = fs::read_to_string(self.folder.path().join("db/postmaster.pid"))
            && let Some(pid) = text.lines().next()
        {
            let _ = Command::new("kill").args(["-QUIT", pid]).status();
        }
        let _ = self.server.wait();
    }
}
