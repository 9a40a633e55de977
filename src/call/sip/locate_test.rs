//! Where requests go, asked of small pretend zones.

use super::*;

/// Records as a zone file has them: `NAME TYPE DATA`.
fn asked(zone: &str, question: &Question) -> Answer {
    let records = |name: &str, kind: &str| -> Vec<Vec<String>> {
        let lines = zone.lines().map(|line| line.split_whitespace().map(str::to_string).collect::<Vec<_>>());
        lines.filter(|words| words.len() > 2 && words[0] == name && words[1] == kind).map(|w| w[2..].to_vec()).collect()
    };
    let number = |text: &String| text.parse().unwrap();
    match question {
        Question::Naptr(name) => Answer::Naptr(
            records(name, "NAPTR")
                .iter()
                .map(|w| Naptr {
                    order: number(&w[0]),
                    preference: number(&w[1]),
                    flags: w[2].clone(),
                    services: w[3].clone(),
                    replacement: w[4].clone(),
                })
                .collect(),
        ),
        Question::Srv(name) if zone.contains(&format!("{name} FAILS")) => Answer::Failed(format!("{name}: SERVFAIL")),
        Question::Srv(name) => Answer::Srv(
            records(name, "SRV")
                .iter()
                .map(|w| Srv {
                    priority: number(&w[0]),
                    weight: number(&w[1]),
                    port: number(&w[2]),
                    target: w[3].clone(),
                })
                .collect(),
        ),
        Question::Addresses(name) => {
            let (v6, v4) = (records(name, "AAAA"), records(name, "A"));
            Answer::Addresses(v6.iter().chain(&v4).map(|w| w[0].parse().unwrap()).collect())
        }
    }
}

/// What is found, and the questions that were asked on the way.
fn search(zone: &str, host: &str, port: Option<u16>, transport: Option<Transport>, secure: bool) -> (String, String) {
    let sought = Sought { host: host.to_string(), port, transport, secure };
    let mut locator = Locator::new(sought, Seed::new(1));
    let mut questions = Vec::new();
    while let Some(question) = locator.question() {
        assert!(questions.len() < 50, "it asks for ever: {questions:?}");
        questions.push(match &question {
            Question::Naptr(name) => format!("NAPTR {name}"),
            Question::Srv(name) => format!("SRV {name}"),
            Question::Addresses(name) => format!("A {name}"),
        });
        locator.answer(asked(zone, &question));
    }
    let found = match locator.finish() {
        Ok(Located { transport, places }) => {
            let places: Vec<String> = places.iter().map(|place| place.address.to_string()).collect();
            format!("{transport} {}", places.join(" "))
        }
        Err(why) => why,
    };
    (found, questions.join(", "))
}

const NAPTR_ZONE: &str = "\
e.example NAPTR 50 50 s SIPS+D2T _sips._tcp.e.example.
e.example NAPTR 90 50 s SIP+D2T _sip._tcp.e.example.
e.example NAPTR 100 50 s SIP+D2U _sip._udp.e.example.
_sip._tcp.e.example. SRV 0 1 5060 server1.e.example.
_sip._tcp.e.example. SRV 0 2 5060 server2.e.example.
_sips._tcp.e.example. SRV 0 1 5061 server1.e.example.
_sip._tcp.e.example SRV 0 1 5060 server1.e.example.
_sip._udp.e.example SRV 0 1 5070 server1.e.example.
server1.e.example A 192.0.2.1
server2.e.example A 192.0.2.2
e.example A 192.0.2.9
";

#[test]
fn numeric_addresses_and_ports_are_taken_as_they_are() {
    for (host, port, transport, secure, found, questions) in [
        ("192.0.2.7", None, None, false, "udp 192.0.2.7:5060", ""),
        ("192.0.2.7", Some(5080), Some(Transport::Tcp), false, "tcp 192.0.2.7:5080", ""),
        ("[2001:db8::7]", None, Some(Transport::Tls), false, "tls [2001:db8::7]:5061", ""),
        ("192.0.2.7", None, None, true, "tls 192.0.2.7:5061", ""),
        ("e.example", Some(5090), None, false, "udp 192.0.2.9:5090", "A e.example"),
        ("e.example", Some(5090), None, true, "tls 192.0.2.9:5090", "A e.example"),
        ("switch", None, None, false, "the name has no address", "A switch"),
    ] {
        assert_eq!(search(NAPTR_ZONE, host, port, transport, secure), (found.into(), questions.into()), "{host}");
    }
}

#[test]
fn a_domain_says_by_naptr_what_it_prefers() {
    let (found, questions) = search(NAPTR_ZONE, "e.example", None, None, false);
    assert_eq!(found, "tls 192.0.2.1:5061", "the lowest order");
    assert_eq!(questions, "NAPTR e.example, SRV _sips._tcp.e.example., A server1.e.example");
    let without_tls: String = NAPTR_ZONE.lines().filter(|l| !l.contains("sips")).map(|l| format!("{l}\n")).collect();
    let (found, _) = search(&without_tls, "e.example", None, None, false);
    assert_eq!(found, "tcp 192.0.2.1:5060 192.0.2.2:5060", "both servers of the next, as this seed has them");
    let (found, questions) = search(&without_tls, "e.example", None, None, true);
    assert_eq!(found, "tls 192.0.2.9:5061", "sips: takes no service in the clear");
    assert_eq!(questions, "NAPTR e.example, SRV _sips._tcp.e.example, A e.example");
}

#[test]
fn a_transport_that_is_said_asks_for_its_service_alone() {
    let (found, questions) = search(NAPTR_ZONE, "e.example", None, Some(Transport::Udp), false);
    assert_eq!(
        (found.as_str(), questions.as_str()),
        ("udp 192.0.2.1:5070", "SRV _sip._udp.e.example, A server1.e.example")
    );
}

#[test]
fn without_naptr_every_service_is_asked_for_and_without_srv_the_host_itself() {
    let zone = "_sip._tcp.f.example SRV 0 0 5062 s.f.example\ns.f.example A 192.0.2.3\nf.example A 192.0.2.4\n";
    let (found, questions) = search(zone, "f.example.", None, None, false);
    assert_eq!(found, "tcp 192.0.2.3:5062");
    assert_eq!(questions, "NAPTR f.example, SRV _sip._udp.f.example, SRV _sip._tcp.f.example, A s.f.example");
    let zone = "g.example AAAA 2001:db8::5\ng.example A 192.0.2.5\n";
    let (found, _) = search(zone, "g.example", None, None, false);
    assert_eq!(found, "udp 192.0.2.5:5060 [2001:db8::5]:5060", "IPv4 first among equals");
    let (found, _) = search("", "h.example", None, None, false);
    assert_eq!(found, "the name has no address");
}

#[test]
fn a_service_that_is_decidedly_not_there_is_not_sought_at_the_host() {
    let zone = "_sip._udp.i.example SRV 0 0 0 .\ni.example A 192.0.2.6\n";
    let (found, _) = search(zone, "i.example", None, Some(Transport::Udp), false);
    assert_eq!(found, "_sip._udp.i.example says that there is no such service");
    let (found, questions) = search(zone, "i.example", None, None, false);
    assert_eq!(found, "_sip._udp.i.example says that there is no such service");
    assert!(questions.ends_with("SRV _sip._tcp.i.example, SRV _sips._tcp.i.example"), "others may be: {questions}");
}

#[test]
fn a_question_that_fails_does_not_end_the_search_and_is_told_when_nothing_is_found() {
    let zone = "_sip._udp.j.example FAILS x\nj.example A 192.0.2.6\n";
    assert_eq!(search(zone, "j.example", None, Some(Transport::Udp), false).0, "udp 192.0.2.6:5060");
    let zone = "_sip._udp.j.example FAILS x\n";
    assert_eq!(search(zone, "j.example", None, Some(Transport::Udp), false).0, "_sip._udp.j.example: SERVFAIL");
}

#[test]
fn places_are_bounded_and_each_stands_once() {
    let mut zone = String::new();
    for n in 0..30 {
        zone.push_str(&format!(
            "_sip._udp.k.example SRV {n} 0 5060 s{n}.k.example\ns{n}.k.example A 192.0.2.{}\n",
            n / 2
        ));
    }
    let (found, questions) = search(&zone, "k.example", None, Some(Transport::Udp), false);
    assert_eq!(found.split(' ').count(), 1 + SIP_PLACES_MAX / 2, "{found}");
    assert_eq!(questions.split(", ").count(), 1 + SIP_PLACES_MAX);
}

#[test]
fn weights_are_kept_in_the_long_run_and_priorities_always() {
    let record = |priority, weight, target: &str| Srv { priority, weight, port: 5060, target: target.into() };
    let records =
        vec![record(10, 60, "a"), record(10, 30, "b"), record(10, 10, "c"), record(20, 1, "d"), record(10, 0, "z")];
    let mut seed = Seed::new(7);
    let mut first = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..10_000 {
        let ordered = in_order(records.clone(), &mut seed);
        assert_eq!(ordered.len(), 5);
        assert_eq!(ordered[4].target, "d", "another priority comes after");
        *first.entry(ordered[0].target.clone()).or_default() += 1;
    }
    // RFC 2782: the chance of each is its weight's part; one of weight 0 has "a very small chance".
    for (target, share) in [("a", 0.6), ("b", 0.3), ("c", 0.1), ("z", 0.01)] {
        let seen = f64::from(first.get(target).copied().unwrap_or_default()) / 10_000.0;
        assert!((seen - share).abs() < 0.02, "{target}: {seen}, {first:?}");
    }
    let again = |records: Vec<Srv>| in_order(records, &mut Seed::new(3));
    let turned: Vec<Srv> = records.iter().rev().cloned().collect();
    assert_eq!(again(records), again(turned), "the same for one seed, however the answer was ordered");
}
