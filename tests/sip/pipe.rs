//! A stream between two peers: bytes in order, cut anywhere, and now and then the connection itself is cut in the middle
//! of a message. Whoever sends next opens another.

use nightbell::call::sip::framing::{Frame, Framer};
use nightbell::vocabulary::{Moment, Seed};
use std::collections::BTreeMap;
use std::time::Duration;

/// What comes out of a pipe.
pub enum Came {
    Message {
        from_caller: bool,
        bytes: Vec<u8>,
    },
    /// The connection is gone: both sides see it.
    Lost,
    /// The caller's connection did not come to be.
    Refused,
}

#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Most milliseconds that a piece is on its way.
    pub delay_ms: u64,
    /// A connection is cut after so many bytes at most; none is with 0.
    pub cut_after: u64,
    /// How many of a hundred connections are refused.
    pub refused: u64,
}

enum Event {
    Piece { from_caller: bool, bytes: Vec<u8> },
    Cut,
    Refused,
}

pub struct Pipe {
    habits: Habits,
    chance: Seed,
    /// Counts connections; pieces of an older one never arrive.
    connection: u64,
    open: bool,
    /// Bytes until the cut.
    left: Option<u64>,
    events: BTreeMap<(Moment, u64), (u64, Event)>,
    sequence: u64,
    framers: [Framer; 2],
    last: [Moment; 2],
    pub cuts: usize,
}

impl Pipe {
    pub fn new(habits: Habits, chance: Seed) -> Pipe {
        Pipe {
            habits,
            chance,
            connection: 0,
            open: false,
            left: None,
            events: BTreeMap::new(),
            sequence: 0,
            framers: Default::default(),
            last: [Moment::START; 2],
            cuts: 0,
        }
    }

    pub fn due(&self) -> Option<Moment> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    pub fn send(&mut self, now: Moment, from_caller: bool, bytes: &[u8]) {
        if !self.open {
            if from_caller && self.chance.below(100) < self.habits.refused {
                return self.later(now, Event::Refused);
            }
            self.open = true;
            self.connection += 1;
            self.framers = Default::default();
            self.left = (self.habits.cut_after > 0).then(|| self.chance.below(self.habits.cut_after));
        }
        let mut rest = bytes;
        while !rest.is_empty() && self.left != Some(0) {
            let most = self.left.unwrap_or(u64::MAX).min(rest.len() as u64);
            let (piece, after) = rest.split_at(1 + self.chance.below(most) as usize);
            rest = after;
            self.left = self.left.map(|left| left - piece.len() as u64);
            self.later(now, Event::Piece { from_caller, bytes: piece.to_vec() });
        }
        // What is written now goes nowhere, and neither side knows before the cut is seen.
        if self.left == Some(0) && !rest.is_empty() {
            self.left = Some(0);
            let cut_comes =
                self.events.values().any(|(of, event)| *of == self.connection && matches!(event, Event::Cut));
            if !cut_comes {
                self.later(now, Event::Cut);
            }
        }
    }

    /// Nothing overtakes within one direction.
    fn later(&mut self, now: Moment, event: Event) {
        let at = now + Duration::from_millis(1 + self.chance.below(self.habits.delay_ms));
        let at = match &event {
            Event::Piece { from_caller, .. } => {
                let last = &mut self.last[usize::from(*from_caller)];
                *last = (*last).max(at);
                *last
            }
            _ => at.max(self.last[0]).max(self.last[1]),
        };
        self.sequence += 1;
        self.events.insert((at, self.sequence), (self.connection, event));
    }

    pub fn step(&mut self, now: Moment) -> Vec<Came> {
        let mut came = Vec::new();
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= now) {
            let (connection, event) = entry.remove();
            match event {
                Event::Refused => came.push(Came::Refused),
                _ if connection != self.connection || !self.open => {}
                Event::Cut => {
                    self.open = false;
                    self.cuts += 1;
                    came.push(Came::Lost);
                }
                Event::Piece { from_caller, bytes } => {
                    let framer = &mut self.framers[usize::from(from_caller)];
                    framer.push(&bytes);
                    while let Some(frame) = framer.next_frame().expect("we write what can be cut") {
                        if let Frame::Message(bytes) = frame {
                            came.push(Came::Message { from_caller, bytes });
                        }
                    }
                }
            }
        }
        came
    }
}
