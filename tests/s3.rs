//! Promise: evidence in an S3 bucket is put there, found again, missed when it is gone and recognised when it was altered; and
//! a bucket that is out of reach costs no call its record. `cargo test --features s3 --test s3`; setup/s3 fetches the server.

mod daemon;
mod far_end;

use daemon::{Daemon, Home, request};
use far_end::FarEnd;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const HUMS: &str = "hotline: hums\nnumber: \"5102\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                    menu:\n  main:\n    do: [{ ringback: 60s }]\n";

/// A server with one bucket, `night`.
struct Bucket {
    server: Child,
    address: String,
}

impl Bucket {
    fn start() -> Bucket {
        let setup =
            Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("setup/s3")).output().expect("setup/s3 runs");
        assert!(setup.status.success(), "setup/s3: {}", String::from_utf8_lossy(&setup.stderr));
        let serve = String::from_utf8(setup.stdout).expect("a path");
        let mut server = Command::new(serve.trim())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let lines = BufReader::new(server.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let (tell, told) = std::sync::mpsc::channel();
        // It goes on telling of every request, and must find somebody who reads.
        std::thread::spawn(move || {
            for line in lines {
                if let Some((_, address)) = line.split_once("Running on http://") {
                    let _ = tell.send(address.trim().to_string());
                }
            }
        });
        let address = told.recv_timeout(daemon::PATIENCE).expect("it listens");
        let bucket = Bucket { server, address };
        assert_eq!(bucket.ask("PUT", "/night").0, 200);
        bucket
    }

    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        // Not checked by this server, but asked for.
        let signed =
            "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!("Host: s3\r\nConnection: close\r\nAuthorization: {signed}\r\nContent-Length: 0");
        request(&self.address, &format!("{method} {path} HTTP/1.1\r\n{head}\r\n\r\n"))
    }

    /// What lies in it.
    fn keys(&self) -> Vec<String> {
        let (status, listing) = self.ask("GET", "/night?list-type=2");
        assert_eq!(status, 200, "{listing}");
        let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        keys.map(str::to_string).collect()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("NIGHTBELL_EVIDENCE", "s3://night/watch".into()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "nobody".into()),
            ("AWS_SECRET_ACCESS_KEY", "nothing-to-hide".into()),
        ]
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn evidence_lies_in_a_bucket_and_is_missed_when_it_is_gone() {
    let bucket = Bucket::start();
    let far_end = FarEnd::for_calls(8, &[HUMS], &[]);
    let mut home = Home::new();
    home.elsewhere = bucket.environment();
    home.hotline("order-line", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");
    daemon.stop();
    assert!(!daemon.shown().contains("nothing-to-hide"), "{}", daemon.shown());
    let keys = bucket.keys();
    let ending = |ending: &str| keys.iter().filter(|key| key.ends_with(ending)).collect::<Vec<_>>();
    assert_eq!((ending(".nbtape").len(), ending(".wav").len()), (1, 1), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("watch/")), "{keys:?}");
    assert_eq!((home.kept("nbtape").len(), home.kept("wav").len()), (0, 0), "nothing of it stays in the data folder");
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");

    // One file is another, one is gone: each is found.
    let (tape, wav) = (ending(".nbtape")[0].clone(), ending(".wav")[0].clone());
    assert_eq!(bucket.ask("PUT", &format!("/night/{wav}")).0, 200);
    assert_eq!(bucket.ask("DELETE", &format!("/night/{tape}")).0, 204);
    let (code, said) = home.verify();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(wav.trim_start_matches("watch/")), "{said}");
    assert!(said.contains(tape.trim_start_matches("watch/")), "{said}");
}

#[test]
fn a_bucket_out_of_reach_costs_no_call_its_record() {
    let bucket = Bucket::start();
    let far_end = FarEnd::for_calls(8, &[HUMS], &[]);
    let mut home = Home::new();
    home.elsewhere = bucket.environment();
    home.hotline("order-line", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    drop(bucket);
    daemon.alert("order-line", "a1");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");
    daemon.wait_for_metric("nightbell_evidence_losses_total", |lost| lost > Some(0.0));
    let calls = "nightbell_calls_total{hotline=\"order-line\",probe=\"look\"}";
    assert_eq!(daemon.metric(calls), Some(1.0));
    daemon.stop();
    // What the bucket could not take lies where the call left it, until there is a bucket that does.
    assert_eq!((home.kept("nbtape").len(), home.kept("wav").len()), (1, 1), "{}", daemon.shown());
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");

    let bucket = Bucket::start();
    home.elsewhere = bucket.environment();
    let mut daemon = Daemon::start(&home);
    daemon.wait_for("the vault took what it could not take before");
    daemon.stop();
    let keys = bucket.keys();
    assert_eq!(keys.len(), 2, "{keys:?}\n{}", daemon.shown());
    assert_eq!((home.kept("nbtape").len(), home.kept("wav").len()), (0, 0));
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
    let wav = keys.iter().find(|key| key.ends_with(".wav")).expect("a recording").clone();
    assert_eq!(bucket.ask("DELETE", &format!("/night/{wav}")).0, 204);
    let (code, said) = home.verify();
    assert!(code == Some(1) && said.contains(wav.trim_start_matches("watch/")), "{said}");
}
