//! A pretend network: packets are lost, late, doubled and out of order, by ordered rules from one seed.
//!
//! Every rule may give a verdict on a packet; the first verdict wins. Each rule draws from its own stream of chance, so
//! that a rule added at the end moves nothing before it.

use crate::vocabulary::{Moment, Seed};
use std::time::Duration;

/// Which way a packet goes, as seen from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    ToCaller,
    ToHotline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Traffic {
    Sip,
    Rtp,
    Rtcp,
}

/// The packets a rule is about; `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct About {
    pub way: Option<Way>,
    pub traffic: Option<Traffic>,
    /// Only from this moment of the network on.
    pub from: Option<Moment>,
    /// Only before this moment.
    pub to: Option<Moment>,
}

impl About {
    pub const ANY: About = About { way: None, traffic: None, from: None, to: None };
    pub const RTP: About = About { way: None, traffic: Some(Traffic::Rtp), from: None, to: None };

    fn holds(&self, now: Moment, way: Way, traffic: Traffic) -> bool {
        self.way.is_none_or(|w| w == way)
            && self.traffic.is_none_or(|t| t == traffic)
            && self.from.is_none_or(|from| now >= from)
            && self.to.is_none_or(|to| now < to)
    }
}

/// One fault. Chances are 0–1.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Nothing gets through.
    Cut { about: About },
    /// Lost alone, or in bursts of `burst` packets in the mean (Gilbert's two states).
    Lose { about: About, chance: f64, burst: f64 },
    /// Arrives twice, the second a little later.
    Double { about: About, chance: f64 },
    /// Held back so long that the next ones overtake it.
    Overtake { about: About, chance: f64, by: Duration },
    /// Arrives after `least` and up to `spread` more.
    Delay { about: About, least: Duration, spread: Duration },
}

/// What becomes of one packet: the delays of its copies. None at all: it is lost.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fate {
    pub copies: Vec<Duration>,
}

/// The network between one caller and one exchange.
#[derive(Clone, Debug)]
pub struct Network {
    rules: Vec<Lane>,
    /// Delay of packets about which no rule has a verdict.
    base: Duration,
}

#[derive(Clone, Debug)]
struct Lane {
    rule: Rule,
    chance: Seed,
    /// `Lose`: whether each way is in a burst now.
    in_burst: [bool; 2],
}

impl Network {
    /// A network where nothing goes wrong and everything takes `base`.
    pub fn calm(base: Duration) -> Network {
        Network { rules: Vec::new(), base }
    }

    pub fn new(base: Duration, rules: &[Rule], seed: &Seed) -> Network {
        let rules = rules
            .iter()
            .enumerate()
            .map(|(i, rule)| Lane {
                rule: rule.clone(),
                chance: seed.fork(&format!("network rule {i}")),
                in_burst: [false; 2],
            })
            .collect();
        Network { rules, base }
    }

    pub fn is_calm(&self) -> bool {
        self.rules.is_empty()
    }

    /// Decides what becomes of a packet sent at `now`.
    pub fn carry(&mut self, now: Moment, way: Way, traffic: Traffic) -> Fate {
        for lane in &mut self.rules {
            if let Some(fate) = lane.verdict(now, way, traffic, self.base) {
                return fate;
            }
        }
        Fate { copies: vec![self.base] }
    }
}

impl Lane {
    fn verdict(&mut self, now: Moment, way: Way, traffic: Traffic, base: Duration) -> Option<Fate> {
        let about = match &self.rule {
            Rule::Cut { about }
            | Rule::Lose { about, .. }
            | Rule::Double { about, .. }
            | Rule::Overtake { about, .. }
            | Rule::Delay { about, .. } => about,
        };
        if !about.holds(now, way, traffic) {
            return None;
        }
        match self.rule {
            Rule::Cut { .. } => Some(Fate::default()),
            Rule::Lose { chance, burst, .. } => {
                let in_burst = &mut self.in_burst[way as usize];
                // Two states: leave a burst with 1/burst, enter one so that the mean loss is `chance`.
                let leave = 1.0 / burst.max(1.0);
                let enter = if chance >= 1.0 { 1.0 } else { (chance * leave / (1.0 - chance)).min(1.0) };
                let draw = self.chance.unit();
                *in_burst = if *in_burst { draw >= leave || chance >= 1.0 } else { draw < enter };
                in_burst.then(Fate::default)
            }
            Rule::Double { chance, .. } => {
                let hit = self.chance.unit() < chance;
                let later = Duration::from_micros(self.chance.below(10_000));
                hit.then(|| Fate { copies: vec![base, base + later] })
            }
            Rule::Overtake { chance, by, .. } => {
                (self.chance.unit() < chance).then(|| Fate { copies: vec![base + by] })
            }
            Rule::Delay { least, spread, .. } => {
                let more = Duration::from_micros(self.chance.below(spread.as_micros() as u64 + 1));
                Some(Fate { copies: vec![least + more] })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(rules: &[Rule], seed: u64, packets: usize) -> Vec<Fate> {
        let mut network = Network::new(Duration::from_millis(5), rules, &Seed::new(seed));
        (0..packets).map(|i| network.carry(Moment::from_millis(20 * i as u64), Way::ToCaller, Traffic::Rtp)).collect()
    }

    #[test]
    fn a_calm_network_carries_everything_once() {
        let mut network = Network::calm(Duration::from_millis(3));
        let fate = network.carry(Moment::START, Way::ToHotline, Traffic::Sip);
        assert_eq!(fate.copies, vec![Duration::from_millis(3)]);
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let rules = [
            Rule::Lose { about: About::RTP, chance: 0.05, burst: 2.0 },
            Rule::Double { about: About::RTP, chance: 0.02 },
            Rule::Delay { about: About::RTP, least: Duration::from_millis(5), spread: Duration::from_millis(20) },
        ];
        assert_eq!(fates(&rules, 7, 5_000), fates(&rules, 7, 5_000));
        assert_ne!(fates(&rules, 7, 5_000), fates(&rules, 8, 5_000));
    }

    #[test]
    fn loss_has_the_mean_and_the_burst_it_was_given() {
        for (chance, burst) in [(0.01, 1.0), (0.05, 1.0), (0.05, 3.0), (0.2, 4.0)] {
            let fates = fates(&[Rule::Lose { about: About::ANY, chance, burst }], 42, 200_000);
            let lost = fates.iter().filter(|f| f.copies.is_empty()).count();
            let runs = fates.windows(2).filter(|w| !w[0].copies.is_empty() && w[1].copies.is_empty()).count();
            let mean = lost as f64 / 200_000.0;
            assert!((mean - chance).abs() < chance * 0.1, "loss {mean} for {chance} burst {burst}");
            let length = lost as f64 / runs as f64;
            assert!((length - burst).abs() < burst * 0.15 + 0.06, "bursts of {length} for {burst}, loss {chance}");
        }
    }

    #[test]
    fn the_first_verdict_wins() {
        let rules = [
            Rule::Cut { about: About { traffic: Some(Traffic::Rtp), ..About::ANY } },
            Rule::Delay { about: About::ANY, least: Duration::from_millis(50), spread: Duration::ZERO },
        ];
        let mut network = Network::new(Duration::ZERO, &rules, &Seed::new(1));
        assert!(network.carry(Moment::START, Way::ToCaller, Traffic::Rtp).copies.is_empty());
        assert_eq!(network.carry(Moment::START, Way::ToCaller, Traffic::Sip).copies, vec![Duration::from_millis(50)]);
    }

    #[test]
    fn a_rule_added_at_the_end_moves_nothing_before_it() {
        let lose = Rule::Lose { about: About::RTP, chance: 0.1, burst: 1.0 };
        let double = Rule::Double { about: About::RTP, chance: 0.1 };
        let lost =
            |rules: &[Rule]| -> Vec<bool> { fates(rules, 3, 2_000).iter().map(|f| f.copies.is_empty()).collect() };
        assert_eq!(lost(std::slice::from_ref(&lose)), lost(&[lose.clone(), double]));
    }

    #[test]
    fn a_rule_can_be_bound_to_a_stretch_of_time_and_one_way() {
        let about = About {
            way: Some(Way::ToCaller),
            traffic: Some(Traffic::Rtp),
            from: Some(Moment::from_millis(100)),
            to: Some(Moment::from_millis(200)),
        };
        let mut network = Network::new(Duration::ZERO, &[Rule::Cut { about }], &Seed::new(1));
        for (at, way, lost) in [
            (99, Way::ToCaller, false),
            (100, Way::ToCaller, true),
            (150, Way::ToHotline, false),
            (200, Way::ToCaller, false),
        ] {
            let fate = network.carry(Moment::from_millis(at), way, Traffic::Rtp);
            assert_eq!(fate.copies.is_empty(), lost, "at {at} {way:?}");
        }
    }
}
