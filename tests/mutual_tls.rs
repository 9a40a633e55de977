//! Promise: a trunk that wants to see a certificate of ours sees it. Where there is none, or one that it does not take, the
//! call says so in words that help, and no hotline is blamed.

use nightbell::call::sip::framing::{Frame, Framer};
use nightbell::call::sip::{Message, read, write};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const ANSWER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";

/// Two authorities; `far` and `ours` are certified by the first, `others` by the second.
fn certificates(folder: &Path) {
    let openssl = |words: &str| {
        let done = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output();
        let done = done.expect("openssl runs");
        assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    fs::write(folder.join("names"), "subjectAltName=DNS:far.test\n").unwrap();
    for authority in ["ca", "other-ca"] {
        openssl(&format!(
            "req -x509 {key} -keyout {authority}.key -out {authority}.pem -days 30 -subj /CN={authority}"
        ));
    }
    for (name, authority) in [("far", "ca"), ("ours", "ca"), ("others", "other-ca")] {
        openssl(&format!("req -new {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        let by = format!("-CA {authority}.pem -CAkey {authority}.key -CAcreateserial -extfile names");
        openssl(&format!("x509 -req -in {name}.csr {by} -days 30 -out {name}.pem"));
    }
}

/// A far side that talks to nobody without a certificate of its own authority, and answers every call. Its port.
fn far_side(folder: &Path, version: &'static SupportedProtocolVersion) -> u16 {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let wanted = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(wanted)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(folder.join("far.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(folder.join("far.key")).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            std::thread::spawn(move || serve(stream, config));
        }
    });
    port
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>) -> Option<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    let (mut framer, mut bytes) = (Framer::default(), [0; 4096]);
    loop {
        let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
        framer.push(&bytes[..count]);
        while let Ok(Some(frame)) = framer.next_frame() {
            let Frame::Message(message) = frame else { continue };
            let request = read(&message).ok()?;
            let mut ok = Message::respond(&request, 200, "OK", Some("far"));
            match request.method()? {
                "ACK" => continue,
                "INVITE" => {
                    ok.push("Contact", "<sip:far@127.0.0.1;transport=tls>");
                    ok.set_body("application/sdp", ANSWER.to_vec());
                }
                _ => {}
            }
            stream.write_all(&write(&ok)).ok()?;
        }
    }
}

/// The record of a call by a trunk whose `tls:` has these lines more.
fn call(folder: &Path, port: u16, more: &str) -> Value {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    write(
        "_trunks.yaml",
        format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  far: {{ server: \"sip:127.0.0.1:{port};transport=tls\", \
             tls: {{ ca: ca.pem, server_name: far.test{more} }} }}\n"
        ),
    );
    write(
        "mutual.yaml",
        "hotline: mutual\ntarget: sip:100@127.0.0.1\ntrunk: far\nprobes:\n  - name: it\n    steps: [{ wait: 1s }, hang_up]\n"
            .to_string(),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["run", "mutual/it", "--config", ".", "--out", "kept", "--json", "-"])
        .env("NIGHTBELL_CACHE", folder)
        .env("LANG", "C.UTF-8")
        .current_dir(folder)
        .output()
        .expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

#[test]
fn a_trunk_that_wants_our_certificate_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    for version in [&TLS12, &TLS13] {
        let port = far_side(folder.path(), version);
        let shows = |name: &str| format!(", certificate: {name}.pem, key: {name}.key");
        let right = call(folder.path(), port, &shows("ours"));
        assert_eq!((&right["sip"]["status"], &right["sip"]["ended_by"]), (&200.into(), &"us".into()), "{right:#}");
        let (none, wrong) = (call(folder.path(), port, ""), call(folder.path(), port, &shows("others")));
        for (record, words) in [
            (none, "the far side wants to see a certificate of ours (tls: { certificate: FILE, key: FILE })"),
            (wrong, "the far side does not take our certificate"),
        ] {
            let because = record["because"].as_str().unwrap_or_default();
            assert!(because.contains(words), "{version:?}: {record:#}");
            assert_eq!(
                (&record["verdict"], &record["outcome"], &record["attributable_to"]),
                (&"inconclusive".into(), &"transport_failed".into(), &"unknown".into()),
                "{version:?}: {record:#}"
            );
        }
    }
}
