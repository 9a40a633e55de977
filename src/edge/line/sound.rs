//! The socket of one call's sound. What came since the last look is taken in one system call, each packet with the time
//! at which the kernel had it: so it may be looked at late, and is still measured as it came.

use super::stamp::{CONTROL, address, stamp, stamps};
use nix::libc;
use std::cell::RefCell;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Packets taken by one system call. A call has one each 20 ms; more have waited.
const BATCH: usize = 4;
/// Packets taken at one look; a flood waits in the kernel, which drops what is too much.
const LOOK_MAX: usize = 64;
/// Longest packet: more than any link between two telephones carries.
const BYTES: usize = 2_048;

/// RTP of one call.
#[derive(Debug)]
pub struct SoundSocket {
    socket: UdpSocket,
    local: SocketAddr,
}

/// A packet as it came.
pub struct Came<'a> {
    pub from: SocketAddr,
    pub bytes: &'a [u8],
    /// How long before the look.
    pub ago: Duration,
}

impl SoundSocket {
    pub fn bind(local: SocketAddr) -> io::Result<SoundSocket> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        stamps(&socket)?;
        let local = socket.local_addr()?;
        Ok(SoundSocket { socket, local })
    }

    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// A packet that cannot leave now is lost, as on any network; the far side's RTCP tells of it.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) {
        let _ = self.socket.send_to(bytes, to);
    }

    /// All that came since the last look, in its order. `wall_ns` is the wall clock now, by which the kernel stamps.
    pub fn look(&self, wall_ns: u64, mut each: impl FnMut(Came)) {
        BUFFERS.with_borrow_mut(|buffers| {
            for _ in 0..LOOK_MAX / BATCH {
                let count = buffers.receive(&self.socket);
                for n in 0..count {
                    let head = &buffers.heads[n];
                    let length = (head.msg_len as usize).min(BYTES);
                    let Some(from) = address(&buffers.names[n]) else { continue };
                    let stamp = stamp(&head.msg_hdr).unwrap_or(wall_ns);
                    let ago = Duration::from_nanos(wall_ns.saturating_sub(stamp));
                    each(Came { from, bytes: &buffers.bytes[n][..length], ago });
                }
                if count < BATCH {
                    return;
                }
            }
        });
    }
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new());
}

/// Where a thread's packets are put while they are looked at.
struct Buffers {
    bytes: Box<[[u8; BYTES]; BATCH]>,
    control: Box<[[u64; CONTROL]; BATCH]>,
    names: Box<[libc::sockaddr_storage; BATCH]>,
    parts: Box<[libc::iovec; BATCH]>,
    heads: Box<[libc::mmsghdr; BATCH]>,
}

impl Buffers {
    fn new() -> Buffers {
        // SAFETY: these are plain values of C, for which all zeros is a value.
        let (names, parts, heads) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Buffers {
            bytes: Box::new([[0; BYTES]; BATCH]),
            control: Box::new([[0; CONTROL]; BATCH]),
            names: Box::new(names),
            parts: Box::new(parts),
            heads: Box::new(heads),
        }
    }

    /// How many came. An error (ICMP of a far side that has gone) is none: the next look reads on.
    fn receive(&mut self, socket: &UdpSocket) -> usize {
        for n in 0..BATCH {
            self.parts[n] = libc::iovec { iov_base: self.bytes[n].as_mut_ptr().cast(), iov_len: BYTES };
            let head = &mut self.heads[n].msg_hdr;
            head.msg_name = (&raw mut self.names[n]).cast();
            head.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            head.msg_iov = &raw mut self.parts[n];
            head.msg_iovlen = 1;
            head.msg_control = self.control[n].as_mut_ptr().cast();
            head.msg_controllen = size_of::<[u64; CONTROL]>();
            head.msg_flags = 0;
        }
        // SAFETY: each header points to buffers of this struct, with their true lengths, which outlive the call.
        let count = unsafe {
            let heads = self.heads.as_mut_ptr();
            libc::recvmmsg(socket.as_raw_fd(), heads, BATCH as u32, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        count.max(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamp::wall_ns;
    use super::*;

    /// What comes in bursts, from two places, is seen whole, in order, and as old as it is.
    fn check(here: &str) {
        let socket = SoundSocket::bind(here.parse().unwrap()).unwrap();
        let one = UdpSocket::bind(here).unwrap();
        let other = UdpSocket::bind(here).unwrap();
        for n in 0..20u8 {
            let from = if n % 3 == 0 { &one } else { &other };
            from.send_to(&[n; 3], socket.local()).unwrap();
        }
        // The kernel's clock goes on while nobody looks; the moment of the look is an argument.
        let later = wall_ns() + 5_000_000_000;
        let mut came = Vec::new();
        socket.look(later, |packet| {
            // A busy kernel hands it over a moment after it was sent.
            assert!((4.9..6.0).contains(&packet.ago.as_secs_f64()), "{:?} ago", packet.ago);
            came.push((packet.from, packet.bytes.to_vec()));
        });
        let (first, second) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let expected: Vec<_> = (0..20u8).map(|n| (if n % 3 == 0 { first } else { second }, vec![n; 3])).collect();
        assert_eq!(came, expected);
        socket.look(later, |_| panic!("nothing more came"));
        // A clock that was set back makes nothing come from the future.
        one.send_to(b"x", socket.local()).unwrap();
        socket.look(1, |packet| assert_eq!(packet.ago, Duration::ZERO));
    }

    #[test]
    fn packets_are_seen_in_order_with_their_age_by_ipv4_and_ipv6() {
        check("127.0.0.1:0");
        if UdpSocket::bind("[::1]:0").is_ok() {
            check("[::1]:0");
        }
    }
}
