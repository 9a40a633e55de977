//! When a datagram came, by the kernel's own clock: a thread that is busy looks at it late, and knows it all the same.

use nix::libc;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// Eight bytes aligned, as control messages want it; one holds a time.
pub const CONTROL: usize = 8;

/// Has the kernel stamp what comes.
pub fn stamps(socket: &impl AsRawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the pointer is to an integer that lives through the call, and its length is given.
    let done = unsafe {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        let (option, value) = (libc::SO_TIMESTAMPNS, (&raw const on).cast());
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, length)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The next datagram: its length in `room`, where it is from, and when it came. `WouldBlock`: there is none.
pub fn receive(socket: &impl AsRawFd, room: &mut [u8]) -> io::Result<(usize, SocketAddr, Option<u64>)> {
    let mut control = [0u64; CONTROL];
    let mut part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: these are plain values of C, for which all zeros is a value.
    let (mut name, mut head): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    head.msg_name = (&raw mut name).cast();
    head.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    head.msg_iov = &raw mut part;
    head.msg_iovlen = 1;
    head.msg_control = control.as_mut_ptr().cast();
    head.msg_controllen = size_of::<[u64; CONTROL]>();
    // SAFETY: the header points to values above, with their true lengths, which outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut head, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let from = address(&name).ok_or_else(|| io::Error::other("a datagram from nowhere"))?;
    Ok((length, from, stamp(&head)))
}

/// The wall clock as the kernel stamps packets with it.
pub fn wall_ns() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as u64)
}

pub(super) fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which of the two the storage holds; it has room for both.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(ip.into(), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddr::new(ip.into(), u16::from_be(v6.sin6_port)))
        }
        _ => None,
    }
}

/// When it came, by the wall clock in nanoseconds.
pub(super) fn stamp(head: &libc::msghdr) -> Option<u64> {
    // SAFETY: the kernel wrote the control messages and their length; the macros walk them within it.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(head);
        while !part.is_null() {
            if (*part).cmsg_level == libc::SOL_SOCKET && (*part).cmsg_type == libc::SO_TIMESTAMPNS {
                let time: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(part).cast());
                return Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64);
            }
            part = libc::CMSG_NXTHDR(head, part);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_datagram_that_waited_is_as_old_as_it_is() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        stamps(&socket).unwrap();
        let mut room = [0; 16];
        assert_eq!(receive(&socket, &mut room).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let before = wall_ns();
        far.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
        // A busy kernel hands it over a moment after it was sent.
        let (length, from, came) = loop {
            match receive(&socket, &mut room) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                other => break other.unwrap(),
            }
        };
        let after = wall_ns();
        assert_eq!((&room[..length], from), (&b"hello"[..], far.local_addr().unwrap()));
        let came = came.expect("the kernel stamps it");
        assert!((before..=after).contains(&came), "{before} {came} {after}");
    }
}
