//! The signalling of a call as a ladder: one rung a message, from us to them or from them to us.

use super::replay::{Packet, SoundSink, Traffic};
use crate::journey::glance;
use crate::vocabulary::{Frame, Moment};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// How wide the space between the two ends is drawn.
const WIDTH: usize = 46;

#[derive(Default)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

struct Rung {
    at: Moment,
    outgoing: bool,
    peer: SocketAddr,
    label: String,
    /// The message itself, to see that it is sent again.
    print: String,
    again: bool,
}

impl SoundSink for Ladder {
    fn they_said(&mut self, _: Moment, _: &Frame) {}
    fn we_said(&mut self, _: Moment, _: &Frame) {}
    fn packet(&mut self, packet: &Packet) {
        if packet.traffic != Traffic::Sip {
            return;
        }
        let print = String::from_utf8_lossy(packet.bytes).into_owned();
        let again = self.rungs.iter().any(|rung| rung.outgoing == packet.outgoing && rung.print == print);
        let label = glance(packet.bytes).label;
        self.rungs.push(Rung { at: packet.at, outgoing: packet.outgoing, peer: packet.peer, label, print, again });
    }
}

impl Ladder {
    /// As text; nothing when no message is known.
    pub fn draw(&self, ours: SocketAddr) -> String {
        let Some(first) = self.rungs.first() else { return String::new() };
        let peers = |rung: &&Rung| rung.peer != first.peer;
        let many = self.rungs.iter().any(|rung| peers(&rung));
        let mut text = String::new();
        let (left, right) = (ours.to_string(), first.peer.to_string());
        let space = (WIDTH + 2).saturating_sub(left.chars().count() + right.chars().count());
        let _ = writeln!(text, "           {left}{}{right}", " ".repeat(space.max(2)));
        for rung in &self.rungs {
            let fill = WIDTH.saturating_sub(rung.label.chars().count() + 5).max(1);
            let line = match rung.outgoing {
                true => format!("│── {} {}▶│", rung.label, "─".repeat(fill)),
                false => format!("│◀{} {} ──│", "─".repeat(fill), rung.label),
            };
            let again = if rung.again { "  again" } else { "" };
            let peer = if many { format!("  {}", rung.peer) } else { String::new() };
            let _ = writeln!(text, "{:>9.3}  {line}{again}{peer}", rung.at.micros() as f64 / 1e6);
        }
        text
    }
}
