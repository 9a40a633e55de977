//! The floor: what packets cost that are sent and received and not looked at, by the same process on the same machine.

use super::datagrams::{BATCH, Batch, loopback, roomy, socket};
use nix::libc;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Calls at the far side, with the port each of them is to be sent to.
pub struct Calls {
    sip: UdpSocket,
    far: u16,
    ports: Vec<u16>,
}

impl Calls {
    /// Calls the far side as often as there are ports of ours.
    pub fn dial(far: u16, ours: impl Iterator<Item = u16>) -> Calls {
        let sip = socket(0).expect("a free port");
        sip.set_nonblocking(false).expect("it can wait");
        sip.set_read_timeout(Some(Duration::from_secs(5))).expect("it can give up");
        let mut ports = Vec::new();
        let mut buffer = [0; 4_096];
        for (n, port) in ours.enumerate() {
            let sdp = format!("m=audio {port} RTP/AVP 8\r\n");
            let message = request("INVITE", n, &sdp);
            sip.send_to(message.as_bytes(), loopback(far)).expect("it leaves");
            let (length, _) = sip.recv_from(&mut buffer).expect("the far side answers");
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let line = answer.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("it describes its sound");
            ports.push(line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port"));
        }
        Calls { sip, far, ports }
    }

    pub fn hang_up(self) {
        let mut buffer = [0; 4_096];
        for n in 0..self.ports.len() {
            let _ = self.sip.send_to(request("BYE", n, "").as_bytes(), loopback(self.far));
            let _ = self.sip.recv_from(&mut buffer);
        }
    }
}

fn request(method: &str, n: usize, body: &str) -> String {
    let name = std::process::id();
    format!(
        "{method} sip:floor@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{n}\r\nFrom: <sip:f@f>;tag=f\r\n\
         To: <sip:t@t>\r\nCall-ID: floor-{name}-{n}\r\nCSeq: 1 {method}\r\n\r\n{body}"
    )
}

/// Threads that send and receive until they are told to stop.
pub struct Floor {
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    calls: Calls,
}

impl Floor {
    /// A socket for each call, `sendto` and `recvfrom` for each packet, epoll to know when: as it is plainly done.
    pub fn plain(far: u16, calls: usize, threads: usize) -> Floor {
        let sockets: Vec<UdpSocket> = (0..calls).map(|_| socket(0).expect("a free port")).collect();
        let dialled = Calls::dial(far, sockets.iter().map(|s| s.local_addr().expect("it is bound").port()));
        let mut shares: Vec<Vec<(UdpSocket, u16)>> = (0..threads).map(|_| Vec::new()).collect();
        for (n, pair) in sockets.into_iter().zip(dialled.ports.iter().copied()).enumerate() {
            shares[n % threads].push(pair);
        }
        Floor::run(dialled, shares, one_by_one)
    }

    /// One socket for all calls of a thread, and batches of packets for each system call.
    pub fn batched(far: u16, calls: usize, threads: usize) -> Floor {
        let sockets: Vec<UdpSocket> = (0..threads).map(|_| socket(0).expect("a free port")).collect();
        let port = |n: usize| sockets[n % threads].local_addr().expect("it is bound").port();
        let dialled = Calls::dial(far, (0..calls).map(port));
        let shares = sockets
            .into_iter()
            .enumerate()
            .map(|(t, socket)| {
                roomy(&socket);
                (socket, dialled.ports.iter().copied().skip(t).step_by(threads).collect::<Vec<u16>>())
            })
            .collect();
        Floor::run(dialled, shares, |(socket, ports), stop, received| all_at_once(&socket, &ports, stop, received))
    }

    fn run<S: Send + 'static>(calls: Calls, shares: Vec<S>, work: fn(S, &AtomicBool, &AtomicU64)) -> Floor {
        let (stop, received) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = shares
            .into_iter()
            .map(|share| {
                let (stop, received) = (stop.clone(), received.clone());
                std::thread::spawn(move || work(share, &stop, &received))
            })
            .collect();
        Floor { threads, stop, received, calls }
    }

    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("the floor holds");
        }
        self.calls.hang_up();
    }
}

fn packet(number: u16, into: &mut [u8]) -> usize {
    into[..172].fill(0xD5);
    into[..2].copy_from_slice(&[0x80, 8]);
    into[2..4].copy_from_slice(&number.to_be_bytes());
    172
}

fn one_by_one(share: Vec<(UdpSocket, u16)>, stop: &AtomicBool, received: &AtomicU64) {
    // SAFETY: plain system calls on descriptors and buffers of ours.
    let poll = unsafe { libc::epoll_create1(0) };
    for (n, (socket, _)) in share.iter().enumerate() {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: n as u64 };
        // SAFETY: as above.
        unsafe { libc::epoll_ctl(poll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) };
    }
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; BATCH];
    let mut bytes = [0; 1_500];
    let began = Instant::now();
    let mut sent = 0u64;
    let gap = Duration::from_millis(20) / share.len() as u32;
    while !stop.load(Ordering::Relaxed) {
        let now = began.elapsed();
        while gap * (sent as u32) <= now {
            let (socket, to) = &share[(sent % share.len() as u64) as usize];
            let length = packet((sent / share.len() as u64) as u16, &mut bytes);
            let _ = socket.send_to(&bytes[..length], loopback(*to));
            sent += 1;
        }
        // To a millisecond at most, as epoll counts: finer spacing costs more, and this is what the least costs.
        // SAFETY: as above.
        let ready = unsafe { libc::epoll_wait(poll, events.as_mut_ptr(), BATCH as i32, 1) };
        for event in &events[..ready.max(0) as usize] {
            let n = event.u64 as usize;
            if share[n].0.recv_from(&mut bytes).is_ok() {
                received.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    // SAFETY: as above.
    unsafe { libc::close(poll) };
}

fn all_at_once(socket: &UdpSocket, ports: &[u16], stop: &AtomicBool, received: &AtomicU64) {
    let mut batch = Batch::new();
    let began = Instant::now();
    let mut tick = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let due = Duration::from_millis(tick);
        let now = began.elapsed();
        if due > now {
            std::thread::sleep(due - now);
        }
        let (slot, number) = ((tick % 20) as usize, (tick / 20) as u16);
        let (from, to) = (ports.len() * slot / 20, ports.len() * (slot + 1) / 20);
        for part in ports[from..to].chunks(BATCH) {
            batch.send(socket, part.len(), |n, bytes| (packet(number, bytes), part[n]));
        }
        loop {
            let came = batch.receive(socket, BATCH, |_, _, _| {});
            received.fetch_add(came as u64, Ordering::Relaxed);
            if came < BATCH {
                break;
            }
        }
        tick += 1;
    }
}
