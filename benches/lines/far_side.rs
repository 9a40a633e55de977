//! The far side, in a process of its own so that its processor time is nobody else's: answers every call at once, talks
//! and listens by RTP and RTCP, and measures what comes by the kernel's own time of arrival.

use super::datagrams::{BATCH, Batch, loopback, pair, roomy, socket};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The word by which this program becomes the far side.
pub const WORD: &str = "far-side";
const SLOTS: u64 = 20;

/// Our end of it.
pub struct FarSide {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub port: u16,
}

/// What it measured between `begin` and `end`.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub packets: u64,
    pub lost: i64,
    pub reports: u64,
    /// |Δ − 20 ms| in microseconds: the middle one, of a hundred the second greatest, the greatest.
    pub spacing_us: [u64; 3],
    /// Its own worst tick, in microseconds late: a figure above a few hundred is a machine that was busy.
    pub late_us: u64,
}

impl FarSide {
    pub fn start(sound: &std::path::Path) -> FarSide {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg(WORD)
            .arg(sound)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the far side starts");
        let orders = child.stdin.take().expect("piped");
        let mut answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("the far side says its port");
        let port = line.trim().parse().expect("a port");
        FarSide { child, orders, answers, port }
    }

    fn ask(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").expect("the far side listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the far side answers");
        line
    }

    pub fn begin(&mut self) {
        self.ask("begin");
    }

    pub fn end(&mut self) -> Measured {
        let line = self.ask("end");
        let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Measured {
            packets: next(),
            lost: next() as i64,
            reports: next(),
            spacing_us: [next(), next(), next()],
            late_us: next(),
        }
    }
}

impl Drop for FarSide {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Stream {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    to: u16,
    slot: u64,
    number: u16,
    played: usize,
    last: Option<(u64, u16)>,
}

#[derive(Default)]
struct Shared {
    begun: Vec<(String, Stream)>,
    ended: Vec<String>,
    measuring: bool,
    packets: u64,
    lost: i64,
    reports: u64,
    spacing: Vec<u32>,
    late: Duration,
    answers: BTreeMap<String, Answer>,
}

/// When a call was answered, by the wall clock in nanoseconds.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "tests/many_lines.rs asks, the bench does not")]
pub struct Answer {
    /// The INVITE came, by the kernel's clock.
    pub invited: u64,
    /// The 200 left, not before and not after.
    pub left: (u64, u64),
}

/// The far side itself, for as long as the process lives.
pub struct Office {
    pub port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Office {
    /// `payload`: what it plays to every caller, PCMA, again and again.
    pub fn open(payload: Vec<u8>) -> Office {
        let sip = socket(0).expect("a free port");
        sip.set_nonblocking(false).expect("it can wait");
        roomy(&sip);
        let port = sip.local_addr().expect("it is bound").port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let for_sip = shared.clone();
        std::thread::spawn(move || signalling(&sip, &for_sip));
        let for_media = shared.clone();
        std::thread::spawn(move || media(&payload, &for_media));
        Office { port, shared }
    }

    /// By Call-ID.
    #[allow(dead_code, reason = "tests/many_lines.rs asks, the bench does not")]
    pub fn answers(&self) -> BTreeMap<String, Answer> {
        self.shared.lock().expect("nobody panicked").answers.clone()
    }

    /// Measures from now on.
    pub fn begin(&self) {
        let mut shared = self.shared.lock().expect("nobody panicked");
        (shared.packets, shared.lost, shared.reports, shared.late) = (0, 0, 0, Duration::ZERO);
        shared.spacing.clear();
        shared.measuring = true;
    }

    pub fn end(&self) -> Measured {
        let mut shared = self.shared.lock().expect("nobody panicked");
        shared.measuring = false;
        let mut spacing = std::mem::take(&mut shared.spacing);
        spacing.sort_unstable();
        let at = |share: f64| spacing.get((spacing.len() as f64 * share) as usize).copied().unwrap_or(0);
        let most = spacing.last().copied().unwrap_or(0);
        Measured {
            packets: shared.packets,
            lost: shared.lost,
            reports: shared.reports,
            spacing_us: [at(0.5), at(0.99), most].map(u64::from),
            late_us: shared.late.as_micros() as u64,
        }
    }
}

/// What the child does until its parent goes.
pub fn serve(sound: &std::path::Path) {
    let office = Office::open(std::fs::read(sound).expect("the sound is there"));
    println!("{}", office.port);
    for line in std::io::stdin().lines() {
        let Ok(line) = line else { return };
        if line == "begin" {
            office.begin();
            println!("begun");
        } else {
            let Measured { packets, lost, reports, spacing_us: [p50, p99, most], late_us } = office.end();
            println!("{packets} {lost} {reports} {p50} {p99} {most} {late_us}");
        }
    }
}

fn wall_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.split("\r\n").take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("")
}

fn signalling(sip: &UdpSocket, shared: &Mutex<Shared>) {
    let here = sip.local_addr().expect("it is bound");
    let mut batch = Batch::new();
    let mut slot = 0;
    loop {
        // Waits for it; the batch does not.
        let Ok(_) = sip.peek_from(&mut [0; 1]) else { continue };
        let mut came = None;
        batch.receive(sip, 1, |bytes, port, at| came = Some((bytes.to_vec(), loopback(port), at)));
        let Some((bytes, from, at)) = came else { continue };
        let message = String::from_utf8_lossy(&bytes);
        let call = header(&message, "Call-ID").to_string();
        let answer = |sdp: &str| {
            let copied: String = ["Via", "From", "Call-ID", "CSeq"]
                .map(|name| format!("{name}: {}\r\n", header(&message, name)))
                .concat();
            let to = header(&message, "To");
            let tag = if to.contains(";tag=") { "" } else { ";tag=far" };
            let about = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
            let contact = format!("Contact: <sip:far@{here}>\r\n{about}Content-Length: {}\r\n\r\n{sdp}", sdp.len());
            let bytes = format!("SIP/2.0 200 OK\r\n{copied}To: {to}{tag}\r\n{contact}");
            let _ = sip.send_to(bytes.as_bytes(), from);
        };
        let offered = || {
            let line = message.lines().find_map(|line| line.strip_prefix("m=audio "))?;
            line.split(' ').next()?.parse::<u16>().ok()
        };
        let describe = |port: u16| {
            format!(
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
                 a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
            )
        };
        if message.starts_with("INVITE sip:quick") {
            // Signalling alone: a description of a place where nobody listens.
            answer(&describe(9));
        } else if message.starts_with("INVITE ") {
            let Some(to) = offered() else { continue };
            let (rtp, rtcp) = pair();
            let before = wall_ns();
            answer(&describe(rtp.local_addr().expect("it is bound").port()));
            let left = (before, wall_ns());
            shared.lock().expect("nobody panicked").answers.insert(call.clone(), Answer { invited: at, left });
            slot = (slot + 7) % SLOTS;
            let stream = Stream { rtp, rtcp, to, slot, number: 0, played: 0, last: None };
            shared.lock().expect("nobody panicked").begun.push((call, stream));
        } else if message.starts_with("BYE ") {
            answer("");
            shared.lock().expect("nobody panicked").ended.push(call);
        }
    }
}

/// One thread ticks through twenty slots of a millisecond: each call is served in one of them.
fn media(payload: &[u8], shared: &Mutex<Shared>) {
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    let mut batch = Batch::new();
    let began = Instant::now();
    let mut tick = 0u64;
    loop {
        let due = Duration::from_millis(tick);
        let now = began.elapsed();
        if due > now {
            std::thread::sleep(due - now);
        }
        let mut shared = shared.lock().expect("nobody panicked");
        shared.late = shared.late.max(began.elapsed().saturating_sub(due));
        streams.extend(std::mem::take(&mut shared.begun));
        for call in std::mem::take(&mut shared.ended) {
            streams.remove(&call);
        }
        for stream in streams.values_mut().filter(|stream| stream.slot == tick % SLOTS) {
            let last = &mut stream.last;
            batch.receive(&stream.rtp, BATCH, |bytes, _, at| {
                if bytes.len() < 12 || at == 0 {
                    return;
                }
                let number = u16::from_be_bytes([bytes[2], bytes[3]]);
                if let Some((before, previous)) = *last
                    && shared.measuring
                {
                    // One that comes behind its follower was counted as lost before.
                    let step = i64::from(number.wrapping_sub(previous) as i16);
                    shared.lost += step - 1;
                    shared.packets += 1;
                    if step < 1 {
                        shared.lost += -step;
                        return;
                    }
                    if step == 1 {
                        let apart = (at.saturating_sub(before)) as i64 - 20_000_000;
                        shared.spacing.push((apart.unsigned_abs() / 1_000) as u32);
                    }
                }
                *last = Some((at, number));
            });
            let mut packet = [0u8; 172];
            packet[..2].copy_from_slice(&[0x80, 8 | if stream.number == 0 { 0x80 } else { 0 }]);
            packet[2..4].copy_from_slice(&stream.number.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(stream.number).wrapping_mul(160)).to_be_bytes());
            packet[8..12].copy_from_slice(&u32::from(stream.to).to_be_bytes());
            packet[12..].copy_from_slice(&payload[stream.played..stream.played + 160]);
            stream.played = (stream.played + 160) % (payload.len() / 160 * 160);
            let _ = stream.rtp.send_to(&packet, loopback(stream.to));
            if stream.number % 250 == 100 {
                report(stream, &mut batch, &mut shared);
            }
            stream.number = stream.number.wrapping_add(1);
        }
        drop(shared);
        tick += 1;
    }
}

/// A sender report (RFC 3550 §6.4.1) every five seconds, and how many of theirs have come.
fn report(stream: &Stream, batch: &mut Batch, shared: &mut Shared) {
    let came = batch.receive(&stream.rtcp, BATCH, |_, _, _| {});
    if shared.measuring {
        shared.reports += came as u64;
    }
    let mut bytes = [0u8; 28];
    bytes[..4].copy_from_slice(&[0x80, 200, 0, 6]);
    bytes[4..8].copy_from_slice(&u32::from(stream.to).to_be_bytes());
    bytes[16..20].copy_from_slice(&(u32::from(stream.number).wrapping_mul(160)).to_be_bytes());
    bytes[20..24].copy_from_slice(&u32::from(stream.number).to_be_bytes());
    let _ = stream.rtcp.send_to(&bytes, loopback(stream.to + 1));
}
