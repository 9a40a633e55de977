//! Promise: our signalling agrees with that of a stack by other people (rsipstack), which reads, writes and numbers messages
//! by code of its own. It asks for digests and checks them, answers our calls reliably, holds them and takes them back, and
//! hangs up, over UDP and TCP; and it is a registrar with which we register, and which calls us back.

use nightbell::call::rtp::g711::Law;
use rsipstack::EndpointBuilder;
use rsipstack::dialog::authenticate::verify_digest;
use rsipstack::dialog::dialog::{Dialog, DialogState, DialogStateSender};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::platform::CancellationToken;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::typed::Authorization;
use rsipstack::sip::{Header, Method, StatusCode, Uri};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{TcpListenerConnection, TransportLayer};
use serde_json::Value;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PASSWORD: &str = "bell-at-night";

/// What the other stack saw and did, in its order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// These stand in it, in this order.
    fn has(&self, wanted: &[&str]) {
        let lines = self.lines();
        let mut rest = lines.iter();
        for want in wanted {
            assert!(rest.any(|line| line == want), "'{want}' is not there, or not in its place: {lines:#?}");
        }
    }
}

#[derive(Clone)]
struct Second {
    layer: Arc<DialogLayer>,
    contact: Uri,
    media: u16,
    diary: Diary,
    states: DialogStateSender,
    /// Where a line is that registered.
    bound: Arc<Mutex<Option<Uri>>>,
    /// After a call it calls the line.
    calls_back: bool,
}

fn described(media: u16, version: u32, direction: &str) -> Vec<u8> {
    format!(
        "v=0\r\no=second 77 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {media} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na={direction}\r\n"
    )
    .into_bytes()
}

fn sdp() -> Header {
    Header::ContentType("application/sdp".into())
}

/// The direction that a description names.
fn direction(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let found = known.into_iter().find(|word| text.contains(&format!("a={word}\r\n")));
    found.unwrap_or("no direction").to_string()
}

impl Second {
    async fn start(address: SocketAddr, tcp: bool, calls_back: bool, diary: Diary) -> Second {
        let cancel = CancellationToken::new();
        let transports = TransportLayer::new(cancel.clone());
        match tcp {
            true => transports.add_transport(TcpListenerConnection::new(address, None).await.unwrap().into()),
            false => {
                let udp = UdpConnection::create_connection(address, None, Some(cancel.child_token())).await.unwrap();
                transports.add_transport(udp.into());
            }
        }
        let endpoint = EndpointBuilder::new()
            .with_user_agent("second")
            .with_transport_layer(transports)
            .with_cancel_token(cancel)
            .build();
        let incoming = endpoint.incoming_transactions().unwrap();
        let layer = Arc::new(DialogLayer::new(endpoint.inner.clone()));
        let carrier = if tcp { ";transport=tcp" } else { "" };
        let contact = Uri::try_from(format!("sip:second@{address}{carrier}").as_str()).unwrap();
        let (states, told) = layer.new_dialog_state_channel();
        let media = play();
        let bound = Arc::default();
        let second = Second { layer, contact, media, diary, states, bound, calls_back };
        tokio::spawn(async move { endpoint.serve().await });
        tokio::spawn(second.clone().take(incoming));
        tokio::spawn(second.clone().follow(told));
        second
    }

    /// What comes in.
    async fn take(self, mut incoming: TransactionReceiver) {
        while let Some(mut tx) = incoming.recv().await {
            let second = self.clone();
            let fresh = tx.original.to_header().is_ok_and(|to| to.tag().is_ok_and(|tag| tag.is_none()));
            self.diary.note(tx.original.method.to_string());
            match tx.original.method {
                Method::Invite | Method::Register if fresh && !self.knows(&tx) => {
                    tokio::spawn(async move { second.challenge(&mut tx).await });
                }
                Method::Register => {
                    tokio::spawn(async move { second.register(&mut tx).await });
                }
                Method::Invite if fresh => {
                    let (states, contact) = (self.states.clone(), Some(self.contact.clone()));
                    let mut dialog = self.layer.get_or_create_server_invite(&tx, states, None, contact).unwrap();
                    tokio::spawn(async move { dialog.handle(&mut tx).await });
                }
                _ => match self.layer.match_dialog(&tx) {
                    Some(Dialog::Invite(mut dialog)) => {
                        tokio::spawn(async move { dialog.handle(&mut tx).await });
                    }
                    _ => {
                        tokio::spawn(async move { tx.reply(StatusCode::CallTransactionDoesNotExist).await });
                    }
                },
            }
        }
    }

    /// The digest is right, as the other stack computes it.
    fn knows(&self, tx: &Transaction) -> bool {
        let Some(given) = tx.original.authorization_header() else { return false };
        // It knows the hash by another name than RFC 8760 §2.1 has.
        let auth = Authorization::parse(&given.value().replace("SHA-256", "SHA256"));
        let right = auth.is_ok_and(|auth| verify_digest(&auth, PASSWORD, &tx.original.method, given.value()));
        self.diary.note(if right { "the digest is right" } else { "the digest is wrong" });
        right
    }

    async fn challenge(&self, tx: &mut Transaction) {
        let asks = "Digest realm=\"second\", nonce=\"c0ffee\", algorithm=SHA-256, qop=\"auth\"";
        tx.reply_with(StatusCode::Unauthorized, vec![Header::WwwAuthenticate(asks.into())], None).await.unwrap();
        while tx.receive().await.is_some() {}
    }

    async fn register(&self, tx: &mut Transaction) {
        let contact = tx.original.contact_header().unwrap().clone();
        let uri = contact.typed().unwrap().uri;
        *self.bound.lock().unwrap() = Some(uri);
        let value = contact.value().split(";expires").next().unwrap_or_default().to_string();
        let headers = vec![Header::Contact(format!("{value};expires=60").into())];
        tx.reply_with(StatusCode::OK, headers, None).await.unwrap();
    }

    /// What becomes of dialogs.
    async fn follow(self, mut told: rsipstack::dialog::dialog::DialogStateReceiver) {
        let mut began = false;
        while let Some(state) = told.recv().await {
            let second = self.clone();
            match state {
                DialogState::Calling(id) => {
                    let Some(Dialog::Invite(dialog)) = self.layer.get_dialog(&id) else { continue };
                    tokio::spawn(async move { second.answer(dialog).await });
                }
                DialogState::Confirmed(id, _) if !began => {
                    let Some(Dialog::Invite(dialog)) = self.layer.get_dialog(&id) else { continue };
                    began = true;
                    tokio::spawn(async move { second.talk(dialog).await });
                }
                DialogState::Info(_, _, handle) | DialogState::Options(_, _, handle) => {
                    let _ = handle.reply(StatusCode::OK).await;
                }
                DialogState::Updated(_, _, handle) => _ = handle.reply(StatusCode::OK).await,
                DialogState::Terminated(_, why) => self.diary.note(format!("over: {why:?}")),
                _ => {}
            }
        }
    }

    /// Early sound by a provisional response that wants its PRACK, then the answer.
    async fn answer(&self, dialog: InviteDialog) {
        let reliable = vec![Header::Require("100rel".into()), Header::RSeq("31".into()), sdp()];
        dialog.ringing(Some(reliable), Some(described(self.media, 1, "sendrecv"))).unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        dialog.accept(Some(vec![sdp()]), Some(described(self.media, 1, "sendrecv"))).unwrap();
    }

    /// Holds the call, takes it back, hangs up, and calls back where somebody waits for that.
    async fn talk(&self, dialog: InviteDialog) {
        for (version, asked) in [(2, "sendonly"), (3, "sendrecv")] {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let answer = dialog.reinvite(Some(vec![sdp()]), Some(described(self.media, version, asked))).await;
            match answer {
                Ok(Some(ok)) => self.diary.note(format!("{asked}: {} {}", ok.status_code.code(), direction(&ok.body))),
                other => self.diary.note(format!("{asked}: {other:?}")),
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let hung_up = dialog.bye_with_reason("Q.850;cause=31".to_string()).await;
        self.diary.note(format!("BYE: {}", if hung_up.is_ok() { "answered" } else { "not answered" }));
        let line = self.bound.lock().unwrap().clone();
        if let (true, Some(line)) = (self.calls_back, line) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.call(line).await;
        }
    }

    async fn call(&self, line: Uri) {
        let invite = InviteOption {
            caller: Uri::try_from("sip:4050@127.0.0.1").unwrap(),
            callee: line,
            contact: self.contact.clone(),
            content_type: Some("application/sdp".into()),
            offer: Some(described(self.media, 1, "sendrecv")),
            support_prack: true,
            ..Default::default()
        };
        match self.layer.do_invite(invite, self.states.clone()).await {
            Ok((dialog, Some(ok))) => {
                self.diary.note(format!("our call: {} {}", ok.status_code.code(), direction(&ok.body)));
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                let held = dialog.reinvite(Some(vec![sdp()]), Some(described(self.media, 2, "inactive"))).await;
                let held = held.ok().flatten().map_or("none".into(), |ok| direction(&ok.body));
                self.diary.note(format!("our call, held: {held}"));
                let hung_up = dialog.bye().await;
                self.diary.note(format!("our BYE: {}", if hung_up.is_ok() { "answered" } else { "not answered" }));
            }
            Ok((_, other)) => self.diary.note(format!("our call: {:?}", other.map(|r| r.status_code))),
            Err(why) => self.diary.note(format!("our call: {why}")),
        }
    }
}

/// Sound: to whoever sends us any, a tone.
fn play() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0u8; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let turn = |i: usize| (4_000.0 * (i as f64 * 0.125 * std::f64::consts::TAU).sin()) as i16;
            if length == 172 {
                (0..160).for_each(|i| bytes[12 + i] = Law::A.encode(turn(i)));
                let _ = socket.send_to(&bytes[..172], from);
            }
        }
    });
    port
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn nightbell(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
    // No speech model there: what is measured is the line.
    command.env("NIGHTBELL_CACHE", folder).env("LAB_PASSWORD", PASSWORD).env("LANG", "C.UTF-8").current_dir(folder);
    command
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn records(mut command: Command) -> (Vec<Value>, String) {
    let output = command.output().expect("nightbell runs");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let records = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (records, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn check_call(tcp: bool) {
    let (runtime, folder, diary) = (runtime(), tempfile::tempdir().unwrap(), Diary::default());
    let address = free_address();
    let _second = runtime.block_on(Second::start(address, tcp, false, diary.clone()));
    let carrier = if tcp { ";transport=tcp" } else { "" };
    let mut command = nightbell(folder.path());
    command.args(["call", &format!("sip:4900@{address}{carrier}"), "--do", "wait 20s; hang_up", "--codecs", "PCMA"]);
    command.args(["--user", "line", "--password-env", "LAB_PASSWORD", "--json", "--out", "kept"]);
    let (records, said) = records(command);
    let told = || format!("{records:#?}\n{said}\n{:#?}", diary.lines());
    assert_eq!(records.len(), 1, "{}", told());
    let record = &records[0];
    assert_eq!((&record["sip"]["status"], &record["sip"]["ended_by"]), (&200.into(), &"them".into()), "{}", told());
    assert_eq!((&record["sip"]["q850"], &record["media"]["codec"]), (&31.into(), &"PCMA".into()), "{}", told());
    let connected = record["times"]["connect_s"].as_f64().unwrap();
    assert!((0.5..3.0).contains(&connected), "{}", told());
    assert!(record["media"]["rtp_received"].as_u64().is_some_and(|count| count > 50), "{}", told());
    let wanted =
        ["INVITE", "INVITE", "the digest is right", "PRACK", "sendonly: 200 recvonly", "sendrecv: 200 sendrecv"];
    diary.has(&wanted);
    diary.has(&["sendrecv: 200 sendrecv", "BYE: answered"]);
    assert_eq!(diary.lines().iter().filter(|line| *line == "PRACK").count(), 1, "{}", told());
}

#[test]
fn the_other_stack_answers_holds_and_hangs_up() {
    check_call(false);
}

#[test]
fn the_same_over_tcp() {
    check_call(true);
}

#[test]
fn we_register_with_the_other_stack_and_it_calls_us_back() {
    let (runtime, folder, diary) = (runtime(), tempfile::tempdir().unwrap(), Diary::default());
    let address = free_address();
    let _second = runtime.block_on(Second::start(address, false, true, diary.clone()));
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "_trunks.yaml",
        format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  second: {{ server: \"sip:{address}\", username: line, \
             password: {{ env: LAB_PASSWORD }}, register: true, codecs: [PCMA] }}\n"
        ),
    );
    write(
        "back.yaml",
        format!(
            "hotline: back\ntarget: sip:4900@{address}\ntrunk: second\nprobes:\n  - name: promised\n    \
             steps: [{{ wait: 20s }}, hang_up]\n    callback: {{ within: 20s, from: \"4050\" }}\n"
        ),
    );
    let mut command = nightbell(folder.path());
    command.args(["run", "back/promised", "--config", ".", "--out", "kept", "--json", "-"]);
    let (records, said) = records(command);
    let told = || format!("{records:#?}\n{said}\n{:#?}", diary.lines());
    assert_eq!(records.len(), 2, "{}", told());
    let (asked, back) = (&records[0], &records[1]);
    assert_eq!((&asked["called_back"], &back["asked_by"]), (&back["id"], &asked["id"]), "{}", told());
    assert_eq!((&back["called_by"], &back["sip"]["ended_by"]), (&"4050".into(), &"them".into()), "{}", told());
    assert!(back["media"]["rtp_received"].as_u64().is_some_and(|count| count > 30), "{}", told());
    diary.has(&["REGISTER", "REGISTER", "the digest is right", "INVITE", "BYE: answered"]);
    diary.has(&["our call: 200 sendrecv", "our call, held: inactive", "our BYE: answered"]);
    assert!(!diary.lines().iter().any(|line| line == "the digest is wrong"), "{}", told());
}
