//! The sound of a far side: two sockets, each with a tone of its own level, and a count of what comes to them. The scenario
//! says in a file what goes on: `port N` is where we hear, any other word is the state it is in from then on.

use nightbell::call::rtp::g711::Law;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const FIRST_DBOV: f64 = -30.0;
pub const SECOND_DBOV: f64 = -15.0;

/// State, and how many packets came to each socket while it lasted.
type Counts = Vec<(String, [usize; 2])>;

pub struct Sound {
    pub ports: [u16; 2],
    counts: Arc<Mutex<Counts>>,
    over: Arc<AtomicBool>,
    work: Option<JoinHandle<()>>,
}

impl Sound {
    pub fn start(told: &Path) -> Sound {
        let sockets = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port"));
        let ports = [0, 1].map(|n: usize| sockets[n].local_addr().expect("bound").port());
        let (counts, over) =
            (Arc::new(Mutex::new(vec![("before".to_string(), [0; 2])])), Arc::new(AtomicBool::new(false)));
        let work = {
            let (told, counts, over) = (told.to_path_buf(), counts.clone(), over.clone());
            std::thread::spawn(move || play(&sockets, &told, &counts, &over))
        };
        Sound { ports, counts, over, work: Some(work) }
    }

    pub fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(work) = self.work.take() {
            work.join().expect("the sound ends");
        }
    }

    fn state(&self, state: &str) -> Result<[usize; 2], String> {
        let counts = self.counts.lock().expect("counted");
        let found = counts.iter().rev().find(|(name, _)| name == state);
        found
            .map(|(_, counts)| *counts)
            .ok_or_else(|| format!("the far side was never in the state {state}: {counts:?}"))
    }

    /// Packets that came to either socket in this state.
    pub fn came_in(&self, state: &str) -> Result<usize, String> {
        self.state(state).map(|counts| counts[0] + counts[1])
    }

    /// Packets that came in this state to the first and to the second socket.
    pub fn by_socket(&self, state: &str) -> Result<[usize; 2], String> {
        self.state(state)
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.end();
    }
}

fn play(sockets: &[UdpSocket; 2], told: &Path, counts: &Mutex<Counts>, over: &AtomicBool) {
    let began = Instant::now();
    sockets.iter().for_each(|socket| socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a time"));
    let levels = [FIRST_DBOV, SECOND_DBOV].map(|dbov| 32_768.0 * 10f64.powf(dbov / 20.0) * std::f64::consts::SQRT_2);
    let (mut read, mut port, mut from) = (0, None, [0u32; 2]);
    for n in 0u32.. {
        while began.elapsed() < Duration::from_millis(20) * n {
            for (which, socket) in sockets.iter().enumerate() {
                if socket.recv(&mut [0; 1500]).is_ok() {
                    let mut counts = counts.lock().expect("counted");
                    counts.last_mut().expect("one at least").1[which] += 1;
                }
            }
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
        let text = std::fs::read_to_string(told).unwrap_or_default();
        for line in text.lines().skip(read) {
            read += 1;
            match line.split_once(' ') {
                Some(("port", theirs)) => port = theirs.trim().parse::<u16>().ok(),
                _ => {
                    // The second rings from then on.
                    if line == "second" {
                        from[1] = n;
                    }
                    counts.lock().expect("counted").push((line.trim().to_string(), [0; 2]));
                }
            }
        }
        let states: Vec<String> = counts.lock().expect("counted").iter().map(|(name, _)| name.clone()).collect();
        let has = |state: &str| states.iter().any(|name| name == state);
        let Some(port) = port else { continue };
        for (which, socket) in sockets.iter().enumerate() {
            let plays = if which == 0 { !has("one") } else { has("second") };
            if !plays {
                continue;
            }
            let sound = |i: u32| {
                let turn = f64::from((n * 160 + i) % 8_000) * 0.125 * std::f64::consts::TAU;
                (levels[which] * turn.sin()) as i16
            };
            let mut packet = vec![0x80, 8];
            packet.extend(((n - from[which]) as u16).to_be_bytes());
            packet.extend((n * 160).to_be_bytes());
            packet.extend((7 + which as u32).to_be_bytes());
            packet.extend((0..160).map(|i| Law::A.encode(sound(i))));
            let _ = socket.send_to(&packet, ("127.0.0.1", port));
        }
    }
}
