//! Plain datagrams with the kernel's own time of arrival, one or many at a time: what floor and far side are made of.
//! Nothing of it is shared with the engine that is measured.

use nix::libc;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

pub const BATCH: usize = 64;
const BYTES: usize = 1_500;

/// A socket on loopback that does not wait and stamps what comes.
pub fn socket(port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nonblocking(true)?;
    set(&socket, libc::SO_TIMESTAMPNS, 1);
    Ok(socket)
}

/// Room for a burst of many calls at once.
pub fn roomy(socket: &UdpSocket) {
    set(socket, libc::SO_RCVBUF, 4 << 20);
    set(socket, libc::SO_SNDBUF, 4 << 20);
}

fn set(socket: &UdpSocket, name: libc::c_int, value: libc::c_int) {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to an integer of the length that is given.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, (&raw const value).cast(), length) };
}

/// An even port and the next, for RTP and RTCP.
pub fn pair() -> (UdpSocket, UdpSocket) {
    loop {
        let rtp = socket(0).expect("a free port");
        let port = rtp.local_addr().expect("it is bound").port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = socket(port + 1)
        {
            return (rtp, rtcp);
        }
    }
}

/// Buffers for many datagrams.
pub struct Batch {
    bytes: Box<[[u8; BYTES]; BATCH]>,
    control: Box<[[u64; 8]; BATCH]>,
    names: Box<[libc::sockaddr_in; BATCH]>,
    parts: Box<[libc::iovec; BATCH]>,
    heads: Box<[libc::mmsghdr; BATCH]>,
}

impl Batch {
    pub fn new() -> Batch {
        // SAFETY: all of these are plain values for which zero is one.
        unsafe {
            Batch {
                bytes: Box::new([[0; BYTES]; BATCH]),
                control: Box::new([[0; 8]; BATCH]),
                names: Box::new(zeroed()),
                parts: Box::new(zeroed()),
                heads: Box::new(zeroed()),
            }
        }
    }

    /// Takes what has come, at most `most`; `each` gets the bytes, the port it came from, and the kernel's time in ns.
    pub fn receive(&mut self, socket: &UdpSocket, most: usize, mut each: impl FnMut(&[u8], u16, u64)) -> usize {
        let most = most.min(BATCH);
        for n in 0..most {
            self.point(n, BYTES);
            self.heads[n].msg_hdr.msg_control = self.control[n].as_mut_ptr().cast();
            self.heads[n].msg_hdr.msg_controllen = 64;
        }
        // SAFETY: every header points to buffers of ours that outlive the call, with their lengths.
        let count = unsafe {
            let heads = self.heads.as_mut_ptr();
            libc::recvmmsg(socket.as_raw_fd(), heads, most as u32, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        let count = count.max(0) as usize;
        for n in 0..count {
            let length = (self.heads[n].msg_len as usize).min(BYTES);
            each(&self.bytes[n][..length], u16::from_be(self.names[n].sin_port), stamp(&self.heads[n].msg_hdr));
        }
        count
    }

    /// Sends datagrams that `fill` writes into the buffers, to their ports on loopback, in one call.
    pub fn send(&mut self, socket: &UdpSocket, count: usize, mut fill: impl FnMut(usize, &mut [u8]) -> (usize, u16)) {
        for n in 0..count.min(BATCH) {
            let (length, port) = fill(n, &mut self.bytes[n]);
            self.point(n, length);
            self.names[n].sin_family = libc::AF_INET as libc::sa_family_t;
            self.names[n].sin_port = port.to_be();
            self.names[n].sin_addr.s_addr = u32::from(Ipv4Addr::LOCALHOST).to_be();
            self.heads[n].msg_hdr.msg_control = std::ptr::null_mut();
            self.heads[n].msg_hdr.msg_controllen = 0;
        }
        // SAFETY: as above.
        unsafe { libc::sendmmsg(socket.as_raw_fd(), self.heads.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT) };
    }

    fn point(&mut self, n: usize, length: usize) {
        self.parts[n] = libc::iovec { iov_base: self.bytes[n].as_mut_ptr().cast(), iov_len: length };
        let head = &mut self.heads[n].msg_hdr;
        head.msg_name = (&raw mut self.names[n]).cast();
        head.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        head.msg_iov = &raw mut self.parts[n];
        head.msg_iovlen = 1;
        head.msg_flags = 0;
    }
}

fn stamp(head: &libc::msghdr) -> u64 {
    // SAFETY: the kernel wrote the control messages; the macros walk them within the length it gave.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(head);
        while !part.is_null() {
            if (*part).cmsg_level == libc::SOL_SOCKET && (*part).cmsg_type == libc::SO_TIMESTAMPNS {
                let time: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(part).cast());
                return time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
            }
            part = libc::CMSG_NXTHDR(head, part);
        }
    }
    0
}

pub fn loopback(port: u16) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()
}

/// Processor time of this process, all its threads, in microseconds.
pub fn processor_us() -> f64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock");
    time.tv_sec() as f64 * 1e6 + time.tv_nsec() as f64 / 1e3
}
