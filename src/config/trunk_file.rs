//! Reads `_trunks.yaml`: the trunks and the allow list.

use super::node::{Kind, Node};
use super::problem::Problem;
use super::reader::{Reader, present};
use super::span;
use super::trunks::{Allow, Network, PasswordFrom, Pattern, Server, Shown, Transport, Trunk, TrunkTls};
use super::watch::Shared;
use super::web_file::{Look, Piece};
use super::{budget_file, persona_file};
use crate::vocabulary::{Codec, Srtp, Target, View, limits};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How often a trunk that registers is asked whether it is there.
const KEEP_ALIVE_USUAL: Duration = Duration::from_secs(30);

/// What the file holds, as far as it could be read.
#[derive(Default)]
pub(super) struct Read {
    pub trunks: BTreeMap<String, Trunk>,
    /// Broken trunks too.
    pub names: BTreeSet<String>,
    pub allow: Allow,
    /// False when part of the list could not be read.
    pub allow_whole: bool,
    /// Control lines, each with the complaint if it may not be called.
    pub controls: Vec<(Target, Problem)>,
    /// A file of trunks was no YAML: nothing is known of its names.
    pub unreadable: bool,
}

impl Read {
    /// Control lines that may not be called; to be asked when every file of trunks is read.
    pub fn forbidden(&mut self) -> Vec<Problem> {
        if !self.allow_whole || self.unreadable {
            return Vec::new();
        }
        let controls = std::mem::take(&mut self.controls);
        controls.into_iter().filter(|(target, _)| !self.allow.permits(target)).map(|(_, problem)| problem).collect()
    }

    /// Adds what another file holds (`.yaml` beside `.yml`).
    pub fn take(&mut self, other: Read) {
        self.trunks.extend(other.trunks);
        self.names.extend(other.names);
        self.allow.patterns.extend(other.allow.patterns);
        self.allow_whole &= other.allow_whole;
        self.unreadable |= other.unreadable;
        self.controls.extend(other.controls);
    }
}

pub(super) fn read(reader: &Reader, look: Look) -> Read {
    let mut read = Read { allow_whole: true, ..Read::default() };
    let root = &reader.document.root;
    if root.is_null() {
        reader.complain(root, "the file is empty", "write allow: [ … ], and trunks: where calls leave by one");
        return read;
    }
    let Some(fields) = reader.fields(root, "the file of trunks", &["trunks", "allow", "name_servers"]) else {
        read.allow_whole = false;
        return read;
    };
    if let Some(node) = present(fields.get("trunks")) {
        read_trunks(reader, node, look, &mut read);
    }
    if let Some(node) = present(fields.get("name_servers")) {
        let servers = name_servers(reader, node);
        read.trunks.values_mut().for_each(|trunk| trunk.name_servers.clone_from(&servers));
    }
    // A misspelt `allow` was complained about; every target would only be complained about again.
    read.allow_whole = reader.is_clean() || fields.key("allow").is_some();
    if let Some(node) = present(fields.get("allow")) {
        match reader.items(node, "allow", "[\"tel:+864008001234\"]") {
            None => read.allow_whole = false,
            Some(items) => {
                for item in items {
                    match pattern(reader, item) {
                        Some(pattern) => read.allow.patterns.push(pattern),
                        None => read.allow_whole = false,
                    }
                }
            }
        }
    }
    read
}

fn read_trunks(reader: &Reader, node: &Node, look: Look, read: &mut Read) {
    let Kind::Map(entries) = &node.kind else {
        let what = format!("trunks are names with their settings, and here stands {}", node.sort());
        reader.complain(node, what, "write trunks: { main: { server: \"sip:sbc.example\" } }");
        return;
    };
    for (key, value) in entries {
        let Kind::Text(name) = &key.kind else {
            reader.complain(
                key,
                format!("a trunk's name is a word, and here stands {}", key.sort()),
                "write main, or \"1\" in quotes",
            );
            continue;
        };
        if !read.names.insert(name.clone()) {
            reader.complain(key, format!("the trunk '{name}' stands twice"), "write another name");
            continue;
        }
        if let Some(trunk) = trunk(reader, (name, value), look, read) {
            read.trunks.insert(name.clone(), trunk);
        }
    }
}

const KEYS: [&str; 21] = [
    "server",
    "outbound_proxy",
    "tls",
    "dtmf",
    "codecs",
    "srtp",
    "srtp_without_tls",
    "username",
    "password",
    "register",
    "listen",
    "sources",
    "keep_alive",
    "caller_id",
    "caller_name",
    "asserted_identity",
    "anonymous",
    "max_calls",
    "limits",
    "price",
    "control",
];

fn trunk(reader: &Reader, (name, node): (&str, &Node), look: Look, read: &mut Read) -> Option<Trunk> {
    let fields = reader.fields(node, "a trunk", &KEYS)?;
    let get = |key: &str| present(fields.get(key));
    let server = reader.required(&fields, "a trunk", "server", "\"sip:sbc.example:5060\"");
    let server = server.and_then(|node| self::server(reader, node, "server"));
    let proxy = get("outbound_proxy").map(|node| self::server(reader, node, "outbound_proxy"));
    let tls = get("tls").map(|node| tls(reader, node));
    let dtmf = get("dtmf").map(|node| reader.keys(node));
    let codecs = get("codecs").map_or(Some(Vec::new()), |node| codecs(reader, node));
    let srtp = get("srtp").map_or(Some(Srtp::Off), |node| Srtp::from_word(reader.word(node, "srtp", &Srtp::WORDS)?));
    let without_tls = get("srtp_without_tls").map_or(Some(false), |node| reader.truth(node, "srtp_without_tls"));
    let first_hop = proxy.as_ref().map_or(server.as_ref(), Option::as_ref);
    if let (Some(key), Some(hop)) = (fields.key("tls"), first_hop)
        && hop.transport != Transport::Tls
    {
        let write = format!("write \"sip:{};transport=tls\" there, or leave tls out", hop.host);
        reader.complain(key, "tls says how a certificate is checked, and this trunk is not reached by TLS", write);
        return None;
    }
    let tls = match tls {
        Some(Some((tls, files))) => Some(Some(tls).filter(|_| are_fine(reader, &files, look))),
        other => other.map(|_| None),
    };
    if let (Some(key), Some(hop), Some(Srtp::Optional | Srtp::Required), Some(false)) =
        (fields.key("srtp"), first_hop, srtp, without_tls)
        && hop.transport != Transport::Tls
    {
        let what = format!(
            "srtp sends its keys in the signalling, and over {} everybody on the way can read them",
            hop.transport
        );
        let write =
            format!("write \"sip:{};transport=tls\" there, or srtp_without_tls: true if that way is safe", hop.host);
        reader.complain(key, what, write);
        return None;
    }
    let username = get("username").map(|node| reader.text(node, "username"));
    let password = get("password").map(|node| password(reader, node));
    let register = get("register").map_or(Some(false), |node| reader.truth(node, "register"));
    let keep_alive = match get("keep_alive") {
        Some(node) => keep_alive(reader, node),
        // Between us and a registrar there is often something that forgets who is silent.
        None => Some((register == Some(true)).then_some(KEEP_ALIVE_USUAL)),
    };
    let listen = get("listen").map(|node| reader.count(node, "listen", u32::from(u16::MAX)).map(|port| port as u16));
    let sources = get("sources").map_or(Some(Vec::new()), |node| sources(reader, node));
    if let (Some(key), None) = (fields.key("sources"), fields.key("listen")) {
        let what = "sources says who may call a port of ours, and this trunk has none";
        reader.complain(key, what, "write listen: 5070 beside it, or leave sources out");
        return None;
    }
    if let (Some(key), Some(hop), Some(Some(TrunkTls { shown: None, .. })) | None) =
        (fields.key("listen"), first_hop, tls.as_ref())
        && hop.transport == Transport::Tls
    {
        let what = "calls to this port come by TLS, and there is no certificate to show to whoever calls";
        reader.complain(key, what, "write tls: { certificate: FILE, key: FILE } beside it");
        return None;
    }
    let persona = persona_file::read(reader, &fields);
    let max_calls = get("max_calls").map_or(Some(10), |node| reader.count(node, "max_calls", limits::TRUNK_CALLS_MAX));
    let price = get("price").map(|node| budget_file::price(reader, node));
    let limits = get("limits").map_or(Some(Shared::default()), |node| limits_of(reader, node, price.is_some()));
    let control = get("control").map(|node| {
        let target = control(reader, node)?;
        let width = reader.document.raw(node).chars().count();
        let what = format!("the control line {target} is not on the allow list");
        let write = format!("write \"{}\" into allow:", Allow::entry_for(&target));
        let problem = reader.source.problem(reader.document.place(node), width, what, write);
        read.controls.push((target.clone(), problem));
        Some(target)
    });
    match (fields.key("username"), fields.key("password")) {
        (Some(key), None) => {
            reader.complain(key, "a username without a password", "write password: { env: NAME } beside it");
            return None;
        }
        (None, Some(key)) => {
            reader.complain(key, "a password without a username", "write username: … beside it");
            return None;
        }
        (None, None) if register == Some(true) => {
            let key = fields.key("register").expect("it is true because it stands there");
            reader.complain(
                key,
                "a trunk registers with its username, and there is none",
                "write username and password",
            );
            return None;
        }
        _ => {}
    }
    fn flip<T>(read: Option<Option<T>>) -> Option<Option<T>> {
        read.map_or(Some(None), |read| read.map(Some))
    }
    Some(Trunk {
        name: name.to_string(),
        server: server?,
        username: flip(username)?,
        password: flip(password)?,
        register: register?,
        keep_alive: keep_alive?,
        outbound_proxy: flip(proxy)?,
        tls: flip(tls)?.unwrap_or_default(),
        listen: flip(listen)?,
        sources: sources?,
        name_servers: Vec::new(),
        dtmf: flip(dtmf)?,
        codecs: codecs?,
        srtp: srtp?,
        srtp_without_tls: without_tls?,
        persona: persona?,
        max_calls: max_calls?,
        limits: limits?,
        price: flip(price)?,
        control: flip(control)?,
    })
}

/// `[127.0.0.1, "[::1]:5353"]`: who is asked where servers given by name are.
fn name_servers(reader: &Reader, node: &Node) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for item in reader.items(node, "name_servers", "[127.0.0.1, \"192.0.2.1:5353\"]").unwrap_or_default() {
        let Some(text) = reader.text(item, "a name server") else { continue };
        let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let server = text.parse().ok().or(bare.ok().map(|ip| SocketAddr::new(ip, 53)));
        match server {
            Some(_) if servers.len() >= limits::NAME_SERVERS_MAX => {
                let most = limits::NAME_SERVERS_MAX;
                reader.complain(item, format!("more than {most} name servers"), "leave this one out");
            }
            Some(server) => servers.push(server),
            None => {
                let what = format!("a name server is an address, and here stands {text}");
                reader.complain(item, what, "write 192.0.2.1, or \"192.0.2.1:5353\"");
            }
        }
    }
    servers
}

/// `30s`, or `off`.
fn keep_alive(reader: &Reader, node: &Node) -> Option<Option<Duration>> {
    if matches!(&node.kind, Kind::Truth(false)) || matches!(&node.kind, Kind::Text(text) if text == "off") {
        return Some(None);
    }
    let every = reader.span(node, "keep_alive", limits::KEEP_ALIVE_MAX)?;
    if every < limits::KEEP_ALIVE_MIN {
        let least = span::show(limits::KEEP_ALIVE_MIN);
        let what = format!("keep_alive {} asks the trunk too often", span::show(every));
        reader.complain(node, what, format!("write {least} or more, or off"));
        return None;
    }
    Some(Some(every))
}

/// `[G722, PCMA]`: what is offered, in order of liking.
fn codecs(reader: &Reader, node: &Node) -> Option<Vec<Codec>> {
    let mut codecs = Vec::new();
    for item in reader.items(node, "codecs", "[PCMA, PCMU, G722, opus]")? {
        let name = reader.text(item, "a codec")?;
        match Codec::from_name(&name) {
            Some(codec) if codecs.contains(&codec) => {
                reader.complain(item, format!("{codec} stands there already"), "leave it out");
                return None;
            }
            Some(codec) => codecs.push(codec),
            None => {
                let what = format!("the codec {name} is not spoken here");
                reader.complain(item, what, "write PCMA, PCMU, G722 or opus");
                return None;
            }
        }
    }
    Some(codecs)
}

fn limits_of(reader: &Reader, node: &Node, priced: bool) -> Option<Shared> {
    let fields = reader.fields(node, "limits", &budget_file::KEYS)?;
    let budgets = budget_file::read(reader, &fields, &budget_file::SHARED, Default::default());
    if let Some(key) = budget_file::money_key(&fields).filter(|_| !priced) {
        let what = "a budget of money needs a price, and this trunk has none";
        reader.complain(key, what, "write price: 0.12 (a minute) beside it");
        return None;
    }
    Some(Shared { concurrent: None, budgets: budgets? })
}

/// A target that is known to answer.
fn control(reader: &Reader, node: &Node) -> Option<Target> {
    let text = reader.text(node, "control")?;
    match text.parse::<Target>() {
        Ok(target) => Some(target),
        Err(refused) => {
            let refused = refused.to_string();
            let (what, write) = refused.split_once("; ").unwrap_or((&refused, "write another target"));
            match write.starts_with("write") {
                true => reader.complain(node, what, write),
                false => reader.complain(node, format!("{what}; {write}"), "write a line of your own that answers"),
            }
            None
        }
    }
}

/// `sip:HOST[:PORT][;transport=udp|tcp|tls]`.
fn server(reader: &Reader, node: &Node, key: &str) -> Option<Server> {
    let text = reader.text(node, key)?;
    let wrong = |what: String, write: String| {
        reader.complain(node, what, write);
        None
    };
    let Some(rest) = text.strip_prefix("sip:") else {
        let bare = text.trim_start_matches("sips:").trim_start_matches("//");
        let write = if text.starts_with("sips:") {
            format!("write \"sip:{bare};transport=tls\"")
        } else {
            format!("write \"sip:{bare}\"")
        };
        return wrong(format!("{key} '{text}' does not begin with sip:"), write);
    };
    if let Some((_, host)) = rest.split_once('@') {
        return wrong(
            format!("{key} '{text}' has a user in it"),
            format!("write \"sip:{host}\", and the user as username:"),
        );
    }
    let (place, params) = rest.split_once(';').unwrap_or((rest, ""));
    let mut transport = Transport::Udp;
    let transport_said = !params.is_empty();
    for param in params.split(';').filter(|param| !param.is_empty()) {
        transport = match param.to_ascii_lowercase().as_str() {
            "transport=udp" => Transport::Udp,
            "transport=tcp" => Transport::Tcp,
            "transport=tls" => Transport::Tls,
            _ => {
                let what = format!("{key} has a parameter '{param}' that is not known");
                return wrong(what, "write transport=udp, transport=tcp or transport=tls".to_string());
            }
        };
    }
    // The guard's own reader knows hosts and ports; any harmless user will do.
    let target = format!("sip:probe@{place}").parse::<Target>();
    match target.as_ref().map(Target::view) {
        Ok(View::Sip { host, port, .. }) => Some(Server { host: host.to_string(), port, transport, transport_said }),
        _ => wrong(format!("{key} '{text}' has no readable host and port"), "write \"sip:HOST:PORT\"".to_string()),
    }
}

/// `[192.0.2.10, "198.51.100.0/24"]`: where calls to us come from.
fn sources(reader: &Reader, node: &Node) -> Option<Vec<Network>> {
    let mut networks = Vec::new();
    for item in reader.items(node, "sources", "[192.0.2.10, \"198.51.100.0/24\"]")? {
        let text = reader.text(item, "a source")?;
        let Ok(network) = text.parse() else {
            let what = format!("a source is an address or a network, and here stands {text}");
            reader.complain(item, what, "write 192.0.2.10, or \"198.51.100.0/24\"");
            return None;
        };
        if networks.len() >= limits::SOURCES_MAX {
            reader.complain(item, format!("more than {} sources", limits::SOURCES_MAX), "leave this one out");
            return None;
        }
        networks.push(network);
    }
    Some(networks)
}

/// `{ ca: FILE, server_name: NAME, verify: true, certificate: FILE, key: FILE }`.
fn tls<'a>(reader: &Reader, node: &'a Node) -> Option<(TrunkTls, Files<'a>)> {
    let fields = reader.fields(node, "tls", &["ca", "server_name", "verify", "certificate", "key"])?;
    let get = |key: &str| present(fields.get(key));
    let file = |name: &str| get(name).map(|node| reader.text(node, name));
    let ca = file("ca");
    let server_name = get("server_name").map(|node| reader.text(node, "server_name"));
    let verify = get("verify").map_or(Some(true), |node| reader.truth(node, "verify"));
    for key in ["ca", "server_name"].into_iter().filter(|_| verify == Some(false)) {
        if let Some(at) = fields.key(key) {
            let what = format!("{key} says what is checked, and verify: false checks nothing");
            reader.complain(at, what, format!("write verify: true, or leave {key} out"));
            return None;
        }
    }
    let shown = match (file("certificate"), file("key")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Shown { certificate: certificate?, key: key? }),
        (certificate, _) => {
            let (there, missing) = if certificate.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            let what = format!("a {there} of ours without its {missing}");
            reader.complain(fields.key(there)?, what, format!("write {missing}: FILE beside it"));
            return None;
        }
    };
    let read = TrunkTls {
        shown,
        ca: ca.map_or(Some(None), |read| read.map(Some))?,
        server_name: server_name.map_or(Some(None), |read| read.map(Some))?,
        verify: verify?,
    };
    let file = |name: &str, path: Option<&String>| get(name).zip(path.cloned());
    let shown = read.shown.as_ref();
    let files = Files {
        ca: file("ca", read.ca.as_ref()),
        certificate: file("certificate", shown.map(|shown| &shown.certificate)),
        key: file("key", shown.map(|shown| &shown.key)),
    };
    Some((read, files))
}

/// The files that `tls:` names, with the places where it does.
struct Files<'a> {
    ca: Option<(&'a Node, String)>,
    certificate: Option<(&'a Node, String)>,
    key: Option<(&'a Node, String)>,
}

/// They are there, are what they should be, and fit each other: a handshake that fails at night is too late to say so.
fn are_fine(reader: &Reader, files: &Files, look: Look) -> bool {
    let fine = |piece: Piece, file: &Option<(&Node, String)>| {
        let Some((node, path)) = file else { return true };
        let found = look(piece, path);
        if let Err((what, write)) = &found {
            reader.complain(node, what.clone(), write.clone());
        }
        found.is_ok()
    };
    let certified = fine(Piece::Certificates, &files.certificate);
    let cert = files.certificate.as_ref().filter(|_| certified).map(|(_, path)| path.as_str());
    // Each is looked at, so that each is told.
    let all = [fine(Piece::Authorities, &files.ca), certified, fine(Piece::Key { cert }, &files.key)];
    all.iter().all(|fine| *fine)
}

/// A password is named, never written.
fn password(reader: &Reader, node: &Node) -> Option<PasswordFrom> {
    if !matches!(node.kind, Kind::Map(_)) {
        if let Kind::Text(secret) = &node.kind {
            reader.keep_secret(secret);
        }
        let what = "a password stands in the file itself";
        reader.complain(node, what, "write password: { env: NAME } or { file: PATH }, and change the password");
        return None;
    }
    let fields = reader.fields(node, "password", &["env", "file"])?;
    match (present(fields.get("env")), present(fields.get("file"))) {
        (Some(env), None) => {
            let name = reader.text(env, "env")?;
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.chars().all(fine) && !name.starts_with(|c: char| c.is_ascii_digit()) {
                return Some(PasswordFrom::Env(name));
            }
            let bare = name.trim_start_matches('$').trim_start_matches('{').trim_end_matches('}');
            if name.starts_with('$') && bare.chars().all(fine) {
                reader.complain(env, "env is the bare name of an environment variable", format!("write {bare}"));
            } else {
                // It may be the password itself.
                reader.keep_secret(&name);
                reader.complain(env, "env is no name of an environment variable", "write a name like MAIN_SECRET");
            }
            None
        }
        (None, Some(file)) => Some(PasswordFrom::File(reader.text(file, "file")?)),
        (Some(_), Some(_)) => {
            reader.complain(
                fields.key("file")?,
                "a password comes from env or from file, not from both",
                "write one of them",
            );
            None
        }
        (None, None) => {
            if fields.key("env").is_none() && fields.key("file").is_none() {
                reader.complain(node, "password says nothing", "write { env: NAME } or { file: PATH }");
            }
            None
        }
    }
}

fn pattern(reader: &Reader, node: &Node) -> Option<Pattern> {
    if let Kind::Number(_) = node.kind {
        let raw = reader.document.raw(node);
        reader.complain(
            node,
            format!("{raw} is a number; a target has its scheme in front"),
            format!("write \"tel:{raw}\""),
        );
        return None;
    }
    let text = reader.text(node, "an entry of allow")?;
    let wrong = |what: String, write: &str| {
        reader.complain(node, what, write);
        None
    };
    if text.starts_with("tel:") && text.contains('*') {
        let what = format!("'{text}' allows a range of numbers, and each number needs its owner's consent");
        return wrong(what, "write each number by itself: \"tel:+864008001234\"");
    }
    // `*` in the user is ours; the rest must be a target that the number guard lets pass.
    let starred = text.contains("*") && text.starts_with("sip:");
    let (probe, user) = match (starred, text.strip_prefix("sip:").and_then(|rest| rest.rsplit_once('@'))) {
        (true, Some((user, place))) if !place.contains('*') => (format!("sip:probe@{place}"), user.to_string()),
        (true, _) => {
            let what = format!("'{text}' allows any host");
            return wrong(what, "write the host in full, like \"sip:*@pbx.example\"");
        }
        _ => (text.clone(), String::new()),
    };
    let target = probe.parse::<Target>();
    match target.as_ref().map(Target::view) {
        Ok(View::Tel(number)) => Some(Pattern::Tel(number.to_string())),
        Ok(View::Sip { user: plain, host, port, .. }) => {
            let user = if starred { user } else { plain.to_string() };
            Some(Pattern::Sip { user, host: host.to_string(), port })
        }
        Err(refused) => {
            let refused = refused.to_string();
            let (what, write) = refused.split_once("; ").unwrap_or((&refused, ""));
            match write.strip_prefix("write ") {
                Some(_) => wrong(what.to_string(), "write \"tel:+NUMBER\", \"sip:USER@HOST\" or \"sip:*@HOST\""),
                None => wrong(refused.clone(), "write a number that belongs to a hotline"),
            }
        }
    }
}
