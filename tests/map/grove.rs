//! Pretend hotlines with menu trees of any size, in Chinese or English, with ends gone wrong: all from one seed, with
//! what a perfect map would show.

use nightbell::rehearsal::hotline::{Action, Faults, Hotline, Next, Node};
use nightbell::rehearsal::library::Library;
use nightbell::rehearsal::voice;
use nightbell::vocabulary::{DeadEnd, Key, Lang, Seed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What is planted.
#[derive(Clone, Debug)]
pub struct Wish {
    pub lang: Lang,
    /// Places that say something, about so many.
    pub places: usize,
    pub dead_ends: Vec<DeadEnd>,
    /// Menus and notices offer a way back.
    pub ways_back: bool,
    /// Two keys lead to one sub-menu.
    pub shared: bool,
    /// Menus take keys while they speak.
    pub barge_in: bool,
    /// Keys in no order, options in many wordings, ways up that do not say so, queues that end with a person, notices that
    /// go back by themselves, menus of which only some take keys while they speak.
    pub wild: bool,
    /// The hotline some days later: one thing is another.
    pub twist: Option<Twist>,
}

/// What is changed, in the first menu below the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    Added,
    Removed,
    Renamed,
    Moved,
    Wording,
}

pub struct Grove {
    pub hotline: Arc<Hotline>,
    pub library: Arc<Library>,
    pub truth: Truth,
    /// What is said, by the name of its recording.
    texts: BTreeMap<String, String>,
}

impl Grove {
    /// The same words, where one place is recorded anew.
    pub fn recorded_anew(&self, place: &str) -> Arc<Library> {
        let text = &self.truth.places[place].text;
        let (name, _) = self.texts.iter().find(|(_, said)| *said == text).expect("a recording of its own");
        let mut library = Library::clone(&self.library);
        let mut recording = library.find(name).expect("a recording").clone();
        recording.samples = voice::speak(text, recording.lang, &Seed::new(2)).into();
        library.insert(name, recording);
        Arc::new(library)
    }
}

/// What a perfect map would show.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub places: BTreeMap<String, TruePlace>,
    /// Ends, each at its own key.
    pub leaves: usize,
    pub has_person: bool,
}

#[derive(Clone, Debug, Default)]
pub struct TruePlace {
    pub text: String,
    /// key → (label, place; `None` where it leads to no place of its own)
    pub ways: BTreeMap<String, (String, Option<String>)>,
    pub dead_end: Option<DeadEnd>,
    /// Dead ends at keys of this place.
    pub dead_ways: BTreeMap<String, DeadEnd>,
}

const ZH_THINGS: &[&str] = &[
    "话费",
    "流量",
    "宽带",
    "积分",
    "发票",
    "合同",
    "订单",
    "物流",
    "水表",
    "电费",
    "燃气",
    "停车",
    "会员",
    "保险",
    "贷款",
    "信用卡",
    "社保",
    "医保",
    "驾照",
    "护照",
    "户口",
    "图书",
    "门票",
    "航班",
    "火车票",
    "酒店",
    "空调",
    "洗衣机",
    "冰箱",
    "电视",
];
const ZH_DOINGS: &[&str] = &["查询", "办理", "投诉", "报修", "咨询", "变更", "预约", "注销"];
const EN_THINGS: &[&str] = &[
    "billing",
    "internet",
    "mobile",
    "television",
    "insurance",
    "mortgage",
    "parking",
    "library",
    "water",
    "electricity",
    "gas",
    "flight",
    "hotel",
    "railway",
    "warranty",
    "delivery",
    "passport",
    "licence",
    "tax",
    "pension",
    "furniture",
    "kitchen",
    "garden",
    "medical",
];
const EN_DOINGS: &[&str] =
    &["questions", "repairs", "complaints", "appointments", "changes", "orders", "cancellations"];
const ZH_NUMBERS: &[&str] = &["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const EN_NUMBERS: &[&str] = &["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

struct Planter {
    chance: Seed,
    wish: Wish,
    texts: BTreeMap<String, String>,
    nodes: BTreeMap<String, Node>,
    truth: Truth,
    used: BTreeSet<String>,
    to_plant: Vec<DeadEnd>,
    next: usize,
    /// The key that leads back.
    back: char,
}

pub fn plant(seed: u64, wish: &Wish) -> Grove {
    let mut planter = Planter {
        chance: Seed::new(seed).fork("grove"),
        wish: wish.clone(),
        texts: BTreeMap::new(),
        nodes: BTreeMap::new(),
        truth: Truth::default(),
        used: BTreeSet::new(),
        to_plant: wish.dead_ends.clone(),
        next: 0,
        back: '*',
    };
    if wish.wild {
        planter.back = ['*', '#', '9'][planter.chance.below(3) as usize];
    }
    planter.grow();
    let Planter { texts, nodes, mut truth, .. } = planter;
    let mut reached = BTreeSet::from(["top".to_string()]);
    let mut waiting = vec!["top".to_string()];
    while let Some(name) = waiting.pop() {
        for (_, to) in truth.places.get(&name).map(|p| p.ways.values().cloned().collect::<Vec<_>>()).unwrap_or_default()
        {
            waiting.extend(to.filter(|to| reached.insert(to.clone())));
        }
    }
    truth.places.retain(|name, _| reached.contains(name));
    truth.leaves = truth
        .places
        .values()
        .flat_map(|p| p.ways.values())
        .filter(|(label, _)| !is_back(label))
        // A notice that can only be left is an end, too.
        .filter(|(_, to)| {
            to.as_ref()
                .is_none_or(|to| truth.places.get(to).is_some_and(|p| p.ways.values().all(|(label, _)| is_back(label))))
        })
        .count();
    let hotline = Hotline {
        name: "grove".into(),
        number: "4999".into(),
        pretends: "a tree".into(),
        languages: vec![wish.lang],
        country: if wish.lang == Lang::Zh { "CN" } else { "US" }.into(),
        pickup: vec![Action::Ring(Some(Duration::from_millis(800))), Action::Answer],
        top: "top".into(),
        nodes,
        prompts: BTreeMap::new(),
        faults: Faults::default(),
        version: "a".into(),
        versions: Vec::new(),
        try_steps: None,
        expect: BTreeMap::new(),
        file: "grove".into(),
    };
    let library = Library::pretend(&texts, &Seed::new(1));
    Grove { hotline: Arc::new(hotline), library: Arc::new(library), truth, texts }
}

fn is_back(label: &str) -> bool {
    label.starts_with("返回") || label.starts_with("return")
}

impl Planter {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.chance.below(from.len() as u64) as usize]
    }

    fn zh(&self) -> bool {
        self.wish.lang == Lang::Zh
    }

    fn label(&mut self) -> String {
        for _ in 0..1_000 {
            let label = if self.zh() {
                format!("{}{}", self.pick(ZH_THINGS), self.pick(ZH_DOINGS))
            } else {
                format!("{} {}", self.pick(EN_THINGS), self.pick(EN_DOINGS))
            };
            if self.used.insert(label.clone()) {
                return label;
            }
        }
        panic!("out of labels");
    }

    fn say(&mut self, text: &str) -> Action {
        let name = format!("{}/t{}", self.wish.lang.code(), self.texts.len());
        self.texts.insert(name.clone(), text.to_string());
        Action::Say(vec![name])
    }

    fn option(&self, key: char, label: &str, wording: usize) -> String {
        let number = key.to_digit(10).map(|n| EN_NUMBERS[n as usize]).unwrap_or_default();
        match (self.zh(), key, wording) {
            (true, '*', _) => format!("{label}请按星号键"),
            (true, '#', _) => format!("{label}请按井号键"),
            (true, _, 1) => format!("{label}，请按{key}键"),
            (true, _, 2) => format!("需要{label}请按{key}"),
            (true, ..) => format!("{label}请按{key}"),
            (false, '*', _) => format!("To {label}, press star"),
            (false, '#', _) => format!("To {label}, press pound"),
            (false, _, _) if label.starts_with("return") => format!("To {label}, press {number}"),
            (false, _, 1) => format!("Press {number} for {label}"),
            (false, ..) => format!("For {label}, press {number}"),
        }
    }

    fn node(&mut self, name: &str, does: Vec<Action>, keys: BTreeMap<Key, Next>, then: Next) {
        let invalid = self.say(if self.zh() {
            "您的输入有误，请重新输入。"
        } else {
            "That option is invalid. Please try again."
        });
        let nothing = self.say(if self.zh() {
            "对不起，没有收到您的输入，请重新选择。"
        } else {
            "Sorry, we did not receive your selection."
        });
        let names = |action: Action| match action {
            Action::Say(names) => names,
            _ => Vec::new(),
        };
        let node = Node {
            name: name.into(),
            does,
            keys,
            entry: None,
            barge_in: if self.wish.wild { self.chance.unit() < 0.6 } else { self.wish.barge_in },
            wait: Duration::from_secs(7),
            invalid: names(invalid),
            nothing: names(nothing),
            tries: 3,
            gives_up: Next::HangUp,
            then,
        };
        self.nodes.insert(name.into(), node);
    }

    /// Menus first, until there are enough places; then ends.
    fn grow(&mut self) {
        let mut open: Vec<(String, usize, String, Option<String>)> = Vec::new();
        open.push(("top".into(), 0, String::new(), None));
        let mut planned = 1;
        let mut sharable: Vec<String> = Vec::new();
        let mut parents: BTreeMap<String, String> = BTreeMap::new();
        while !open.is_empty() {
            let (name, depth, label, above) = open.remove(0);
            let mut options: Vec<(char, String, Next, Option<String>)> = Vec::new();
            let mut dead_ways = BTreeMap::new();
            if let Some(above) = &above {
                parents.insert(name.clone(), above.clone());
            }
            // No key leads to where it is pressed, or up: that would be a loop, and those are planted on purpose.
            let lineage = |other: &str, below: &str| {
                let mut at = Some(below.to_string());
                while let Some(name) = at {
                    if name == other {
                        return true;
                    }
                    at = parents.get(&name).cloned();
                }
                !parents.contains_key(other)
            };
            let count = 2 + self.chance.below(if depth == 0 { 4 } else { 3 }) as usize;
            let mut digits: Vec<u32> = (1..=8).collect();
            if self.wish.wild {
                for i in (1..digits.len()).rev() {
                    digits.swap(i, self.chance.below(i as u64 + 1) as usize);
                }
            }
            for (i, digit) in digits.into_iter().take(count).enumerate() {
                let key = char::from_digit(digit, 10).unwrap();
                let label = self.label();
                if self.wish.wild && depth >= 2 && i > 0 && self.chance.unit() < 0.12 {
                    // A way up that does not say so.
                    dead_ways.insert(key.to_string(), DeadEnd::Loop);
                    options.push((key, label, Next::Node("top".into()), Some("top".into())));
                    continue;
                }
                let deeper = planned < self.wish.places * 2 / 3 && depth < 3 && (i == 0 || self.chance.unit() < 0.45);
                if deeper {
                    let child = self.fresh("menu");
                    planned += 1;
                    if depth >= 1 {
                        sharable.push(child.clone());
                    }
                    open.push((child.clone(), depth + 1, label.clone(), Some(name.clone())));
                    options.push((key, label, Next::Node(child.clone()), Some(child)));
                } else if self.wish.shared && self.chance.unit() < 0.2 && sharable.iter().any(|s| !lineage(s, &name)) {
                    let others: Vec<&String> = sharable.iter().filter(|s| !lineage(s, &name)).collect();
                    let other = others[self.chance.below(others.len() as u64) as usize].clone();
                    options.push((key, label, Next::Node(other.clone()), Some(other)));
                } else {
                    planned += 1;
                    let plant =
                        if !self.to_plant.is_empty() && (depth > 0 || self.chance.unit() < 0.3 || open.is_empty()) {
                            Some(self.to_plant.remove(0))
                        } else {
                            None
                        };
                    let (next, place) = match plant {
                        Some(kind) => self.dead_end(kind, key, &label, &mut dead_ways),
                        None if self.wish.wild && self.chance.unit() < 0.1 => self.queue(&label),
                        None => self.message(&label, &name),
                    };
                    options.push((key, label, next, place));
                }
            }
            if depth == 0 {
                let label = if self.zh() { "人工服务" } else { "an operator" };
                let place = self.person();
                options.push(('0', label.into(), Next::Node(place.clone()), Some(place)));
                self.truth.has_person = true;
            } else if self.wish.ways_back {
                let label = if self.zh() { "返回上级菜单" } else { "return to the previous menu" };
                let up = above.clone().unwrap_or_else(|| "top".into());
                options.push((self.back, label.into(), Next::Node(up.clone()), Some(up)));
            }
            if name == "menu-1" {
                self.twist(&mut options);
            }
            let greeting = match (self.zh(), depth) {
                (true, 0) => "欢迎致电市民综合服务热线。".to_string(),
                (false, 0) => "Thank you for calling the city service line. ".to_string(),
                (true, _) => format!("您已进入{label}菜单。"),
                (false, _) => format!("This is the menu for {label}. "),
            };
            let greeting = match self.wish.twist {
                Some(Twist::Wording) if name == "menu-1" && self.zh() => format!("{greeting}系统将于下月升级。"),
                Some(Twist::Wording) if name == "menu-1" => {
                    format!("{greeting}Our system will be upgraded next month. ")
                }
                _ => greeting,
            };
            let wording = if self.wish.wild { self.chance.below(3) as usize } else { 0 };
            let said: Vec<String> = options.iter().map(|(key, label, ..)| self.option(*key, label, wording)).collect();
            let text = if self.zh() {
                format!("{greeting}{}。", said.join("，"))
            } else {
                format!("{greeting}{}.", said.join(". "))
            };
            let say = self.say(&text);
            let keys = options
                .iter()
                .filter(|(key, ..)| dead_ways.get(&key.to_string()) != Some(&DeadEnd::KeyRejected))
                .map(|(key, _, next, _)| (Key::new(*key).unwrap(), next.clone()))
                .collect();
            self.node(&name, vec![say], keys, Next::HangUp);
            let ways = options.into_iter().map(|(key, label, _, to)| (key.to_string(), (label, to))).collect();
            self.truth.places.insert(name, TruePlace { text, ways, dead_end: None, dead_ways });
        }
    }

    fn fresh(&mut self, what: &str) -> String {
        self.next += 1;
        format!("{what}-{}", self.next)
    }

    fn place(&mut self, name: &str, text: &str, dead_end: Option<DeadEnd>) {
        self.truth.places.insert(name.into(), TruePlace { text: text.into(), dead_end, ..TruePlace::default() });
    }

    fn goodbye(&mut self) -> Action {
        self.say(if self.zh() { "感谢您的来电，再见。" } else { "Thank you for calling. Goodbye." })
    }

    /// A notice; some offer a way back, some say goodbye.
    fn message(&mut self, label: &str, above: &str) -> (Next, Option<String>) {
        let name = self.fresh("notice");
        let number = self.chance.below(10) as usize;
        let text = if self.zh() {
            format!("{label}的受理时间为每天上午{}点，您可以查看最近的账户明细。", ZH_NUMBERS[number])
        } else {
            format!(
                "Your {label} record is complete. Reference number {} is valid for the whole year.",
                EN_NUMBERS[number]
            )
        };
        let back = self.wish.ways_back && self.chance.unit() < 0.6;
        if back {
            let label = if self.zh() { "返回上级菜单" } else { "return to the previous menu" };
            let offer = self.option(self.back, label, 0);
            let whole = if self.zh() { format!("{text}{offer}。") } else { format!("{text} {offer}.") };
            let say = self.say(&whole);
            let keys = BTreeMap::from([(Key::new(self.back).unwrap(), Next::Node(above.into()))]);
            self.node(&name, vec![say], keys, Next::HangUp);
            let ways = BTreeMap::from([(self.back.to_string(), (label.to_string(), Some(above.to_string())))]);
            self.truth.places.insert(name.clone(), TruePlace { text: whole, ways, ..TruePlace::default() });
        } else if self.wish.wild && self.chance.unit() < 0.3 {
            // Back by itself.
            let say = self.say(&text);
            self.node(&name, vec![say], BTreeMap::new(), Next::Node(above.into()));
            self.place(&name, &text, None);
        } else {
            let say = self.say(&text);
            let bye = self.goodbye();
            self.node(&name, vec![say, bye], BTreeMap::new(), Next::HangUp);
            self.place(&name, &text, None);
        }
        (Next::Node(name.clone()), Some(name))
    }

    /// A queue as it should be.
    fn queue(&mut self, label: &str) -> (Next, Option<String>) {
        let name = self.fresh("queue");
        let (text, greets) = if self.zh() {
            (format!("{label}坐席全忙，请不要挂机，稍后为您接通。"), "您好，工号2046为您服务，请问有什么可以帮您？")
        } else {
            (
                format!("All of our {label} agents are busy. Please stay on the line."),
                "Good morning, this is Peter speaking, how may I help you?",
            )
        };
        let say = self.say(&text);
        let Action::Say(greets) = self.say(greets) else { unreachable!() };
        let waits = Duration::from_secs(10 + self.chance.below(20));
        let does = vec![say, Action::Music(Some(waits)), Action::Human { greets, stays: Duration::from_secs(20) }];
        self.node(&name, does, BTreeMap::new(), Next::HangUp);
        self.place(&name, &text, None);
        (Next::Node(name.clone()), Some(name))
    }

    fn twist(&mut self, options: &mut Vec<(char, String, Next, Option<String>)>) {
        let zh = self.zh();
        match self.wish.twist {
            Some(Twist::Added) => {
                let label = if zh { "发票打印" } else { "invoice printing" };
                let (_, _, next, to) = options[0].clone();
                options.push(('9', label.into(), next, to));
            }
            Some(Twist::Removed) => drop(options.remove(1)),
            Some(Twist::Renamed) => options[0].1 = if zh { "发票打印" } else { "invoice printing" }.into(),
            Some(Twist::Moved) => {
                let (first, second) = (options[0].0, options[1].0);
                (options[0].0, options[1].0) = (second, first);
            }
            Some(Twist::Wording) | None => {}
        }
    }

    fn person(&mut self) -> String {
        let name = self.fresh("person");
        let transfer = if self.zh() {
            "正在为您转接人工客服，请稍候。"
        } else {
            "Please hold while we transfer your call."
        };
        let greets = if self.zh() {
            "您好，工号1027为您服务，请问有什么可以帮您？"
        } else {
            "Hello, this is Susan speaking, how can I help you?"
        };
        let say = self.say(transfer);
        let Action::Say(greets) = self.say(greets) else { unreachable!() };
        let does = vec![
            say,
            Action::Ringback(Some(Duration::from_secs(5))),
            Action::Human { greets, stays: Duration::from_secs(20) },
        ];
        self.node(&name, does, BTreeMap::new(), Next::HangUp);
        self.place(&name, transfer, None);
        name
    }

    fn dead_end(
        &mut self,
        kind: DeadEnd,
        key: char,
        label: &str,
        dead_ways: &mut BTreeMap<String, DeadEnd>,
    ) -> (Next, Option<String>) {
        let zh = self.zh();
        let name = self.fresh(kind.word());
        let s = Duration::from_secs;
        let transfer = if zh {
            format!("正在为您转接{label}专员，请稍候。")
        } else {
            format!("Please hold while we transfer you to {label}.")
        };
        let busy = if zh {
            format!("{label}坐席全忙，请不要挂机，稍后为您接通。")
        } else {
            format!("All of our {label} representatives are currently busy. Please stay on the line.")
        };
        let (text, does, then): (String, Vec<Action>, Next) = match kind {
            DeadEnd::Silence => {
                dead_ways.insert(key.to_string(), kind);
                return (Next::Silence, None);
            }
            DeadEnd::KeyRejected | DeadEnd::KeyIgnored => {
                dead_ways.insert(key.to_string(), kind);
                return (Next::Ignore, None);
            }
            DeadEnd::UnannouncedHangup => {
                dead_ways.insert(key.to_string(), kind);
                return (Next::HangUp, None);
            }
            DeadEnd::Loop => {
                let text = if zh {
                    let (a, b) = (self.label(), self.label());
                    format!("{label}部分，{a}请按1，{b}请按2。")
                } else {
                    let (a, b) = (self.label(), self.label());
                    format!("In {label}, for {a}, press one. For {b}, press two.")
                };
                let say = self.say(&text);
                let keys =
                    BTreeMap::from([(Key::new('1').unwrap(), Next::Again), (Key::new('2').unwrap(), Next::Again)]);
                self.node(&name, vec![say], keys, Next::HangUp);
                self.place(&name, &text, Some(kind));
                return (Next::Node(name.clone()), Some(name));
            }
            DeadEnd::TransferToNobody => {
                let say = self.say(&transfer);
                let rings = if self.chance.unit() < 0.5 { Action::Ringback(None) } else { Action::Busy(None) };
                (transfer, vec![say, rings], Next::HangUp)
            }
            DeadEnd::PingPong => {
                let other = self.fresh("other-desk");
                let second = if zh {
                    format!("正在为您转接{label}主管，请稍候。")
                } else {
                    format!("One moment please, transferring to the {label} supervisor.")
                };
                let say_second = self.say(&second);
                let ring = || Action::Ringback(Some(s(4)));
                self.node(&other, vec![say_second, ring()], BTreeMap::new(), Next::Node(name.clone()));
                let say = self.say(&transfer);
                (transfer, vec![say, ring()], Next::Node(other))
            }
            DeadEnd::EndlessQueue => {
                let hold = self.fresh("hold");
                let position = if zh {
                    "您前面还有5位客户在等待，请耐心等候。"
                } else {
                    "You are currently caller number five. Please hold."
                };
                let say_position = self.say(position);
                self.node(&hold, vec![Action::Music(Some(s(20))), say_position], BTreeMap::new(), Next::Again);
                let say = self.say(&busy);
                (busy, vec![say], Next::Node(hold))
            }
            DeadEnd::QueueDrop => {
                let say = self.say(&busy);
                (busy, vec![say, Action::Music(Some(s(20)))], Next::HangUp)
            }
            DeadEnd::VoicemailOn24hLine => {
                let text = if zh {
                    format!("{label}现在无人接听，请在滴声后留言，留言结束请按井号键。")
                } else {
                    format!("Nobody is available for {label}. Please leave your message after the tone.")
                };
                let say = self.say(&text);
                (text, vec![say, Action::Beep, Action::Record(s(30))], Next::HangUp)
            }
            DeadEnd::MailboxFull => {
                let text = if zh {
                    format!("{label}的语音信箱已满，无法留言，再见。")
                } else {
                    format!("Nobody is available for {label}, and the mailbox is full. Goodbye.")
                };
                let say = self.say(&text);
                (text, vec![say], Next::HangUp)
            }
            DeadEnd::ClosedInOpenHours => {
                let text = if zh {
                    format!("您好，{label}现在是非工作时间，请在工作时间再次来电。")
                } else {
                    format!("The {label} office is currently closed. Please call back during business hours.")
                };
                let say = self.say(&text);
                (text, vec![say], Next::HangUp)
            }
            DeadEnd::Deflection => {
                let text = if zh {
                    format!("{label}请关注我们的公众号自助处理，再见。")
                } else {
                    format!("For {label}, please visit us on our website. Goodbye.")
                };
                let say = self.say(&text);
                (text, vec![say], Next::HangUp)
            }
            DeadEnd::NoPathToHuman => unreachable!("not planted at a key"),
        };
        self.node(&name, does, BTreeMap::new(), then);
        self.place(&name, &text, Some(kind));
        (Next::Node(name.clone()), Some(name))
    }
}
