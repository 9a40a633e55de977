//! Reads the web configuration: TLS, passwords and headers, in the format of Prometheus exporters
//! (`tls_server_config`, `basic_auth_users`, `http_server_config`).

use super::Problem;
use super::node::{Kind, Node};
use super::reader::{Fields, Reader, present};
use crate::vocabulary::limits;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What the file says, trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebFile {
    pub tls: Option<TlsFile>,
    /// Name → bcrypt hash. Empty: nobody is asked for a password.
    pub users: BTreeMap<String, PasswordHash>,
    /// `None`: everybody who has a password is an operator. Who is not named in it is a reader.
    pub roles: Option<BTreeMap<String, Role>>,
    /// Added to every answer.
    pub headers: Vec<(String, String)>,
}

/// What one may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks, listens and downloads.
    Reader,
    /// Reloads, sends alerts, asks for calls, has calls forgotten, sees who took what.
    Operator,
}

const ROLES: &[(&str, Role)] = &[("reader", Role::Reader), ("operator", Role::Operator)];

/// A bcrypt hash, which is not printed either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TlsFile {
    /// Paths, already joined to the folder of the file.
    pub cert: String,
    pub key: String,
    pub client_auth: ClientAuth,
    pub client_ca: Option<String>,
    /// Names of which a client's certificate must bear one; empty: any.
    pub client_names: Vec<String>,
    /// TLS 1.2 is spoken, TLS 1.3 is spoken.
    pub speaks: (bool, bool),
    /// Of TLS 1.2, by their IANA names; empty: all.
    pub ciphers: Vec<&'static str>,
    /// In the order of preference; empty: all.
    pub curves: Vec<&'static str>,
}

/// What is asked of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    #[default]
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

/// A file that the configuration names, to be looked at by the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'a> {
    Certificates,
    /// With the certificates it belongs to, when those could be read.
    Key {
        cert: Option<&'a str>,
    },
    Authorities,
}

/// Looks at a file; `Err` says what is wrong with it and what to write.
pub type Look<'a> = &'a dyn Fn(Piece, &str) -> Result<(), (String, String)>;

const CLIENT_AUTH: &[(&str, ClientAuth)] = &[
    ("NoClientCert", ClientAuth::NoClientCert),
    ("RequestClientCert", ClientAuth::RequestClientCert),
    ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyClientCertIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerifyClientCert),
];

/// What is spoken of TLS 1.2. The suites of TLS 1.3 are not chosen by configuration, here as in Go.
pub const CIPHERS: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
const CIPHERS_13: &[&str] = &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const CURVES: &[&str] = &["X25519", "CurveP256", "CurveP384"];
const VERSIONS: &[&str] = &["TLS10", "TLS11", "TLS12", "TLS13"];
const HEADERS: &[&str] = &[
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
];

/// The whole file, or every mistake in it.
pub fn read(file: &str, bytes: &[u8], look: Look) -> Result<WebFile, Vec<Problem>> {
    let mut problems = Vec::new();
    let web = super::read_with(file, bytes, &mut problems, |reader| read_root(reader, file, look));
    match web {
        Some(web) if problems.is_empty() => Ok(web),
        _ => {
            problems.sort();
            Err(problems)
        }
    }
}

fn read_root(reader: &Reader, file: &str, look: Look) -> WebFile {
    let root = &reader.document.root;
    // An empty file asks for nothing: plain HTTP, no passwords.
    if root.is_null() {
        return WebFile::default();
    }
    let known = ["tls_server_config", "http_server_config", "basic_auth_users", "roles"];
    let Some(fields) = reader.fields(root, "the web configuration", &known) else { return WebFile::default() };
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let users = present(fields.get("basic_auth_users")).map(|node| read_users(reader, node)).unwrap_or_default();
    WebFile {
        roles: present(fields.get("roles")).map(|node| read_roles(reader, node, fields.get("basic_auth_users"))),
        tls: present(fields.get("tls_server_config")).and_then(|node| read_tls(reader, node, folder, look)),
        users,
        headers: present(fields.get("http_server_config")).map(|node| read_http(reader, node)).unwrap_or_default(),
    }
}

fn read_tls(reader: &Reader, node: &Node, folder: &Path, look: Look) -> Option<TlsFile> {
    const WHAT: &str = "tls_server_config";
    let fields = reader.fields(
        node,
        WHAT,
        &[
            "cert_file",
            "key_file",
            "client_auth_type",
            "client_ca_file",
            "client_allowed_sans",
            "min_version",
            "max_version",
            "cipher_suites",
            "curve_preferences",
            "prefer_server_cipher_suites",
        ],
    )?;
    let place = |node: &Node, name: &str, piece: Piece| -> Option<String> {
        let path = folder.join(reader.text(node, name)?).to_string_lossy().into_owned();
        match look(piece, &path) {
            Ok(()) => Some(path),
            Err((what, write)) => {
                reader.complain(node, what, write);
                None
            }
        }
    };
    let cert = reader
        .required(&fields, WHAT, "cert_file", "server.crt")
        .and_then(|node| place(node, "cert_file", Piece::Certificates));
    let key = reader
        .required(&fields, WHAT, "key_file", "server.key")
        .and_then(|node| place(node, "key_file", Piece::Key { cert: cert.as_deref() }));
    let client_ca =
        present(fields.get("client_ca_file")).and_then(|node| place(node, "client_ca_file", Piece::Authorities));
    let client_auth = client_auth(reader, &fields);
    let client_names = names(reader, &fields, client_auth);
    let speaks = versions(reader, &fields);
    let mut ciphers = Vec::new();
    for item in list(reader, &fields, "cipher_suites", "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]") {
        let known: Vec<&'static str> = CIPHERS.iter().chain(CIPHERS_13).copied().collect();
        // Go's older spelling of the two ChaCha suites.
        let text = match &item.kind {
            Kind::Text(text) if text.ends_with("_CHACHA20_POLY1305") => Some(format!("{text}_SHA256")),
            _ => None,
        };
        let found = match text.and_then(|text| known.iter().copied().find(|known| *known == text)) {
            Some(found) => Some(found),
            None => reader.word(item, "cipher_suites", &known),
        };
        ciphers.extend(found.filter(|name| CIPHERS.contains(name)));
    }
    let mut curves = Vec::new();
    for item in list(reader, &fields, "curve_preferences", "[X25519, CurveP256]") {
        curves.extend(reader.word(item, "curve_preferences", CURVES));
    }
    if let Some(node) = present(fields.get("prefer_server_cipher_suites")) {
        reader.truth(node, "prefer_server_cipher_suites");
    }
    Some(TlsFile {
        cert: cert?,
        key: key?,
        client_auth: client_auth?,
        client_ca,
        client_names,
        speaks,
        ciphers,
        curves,
    })
}

fn client_auth(reader: &Reader, fields: &Fields) -> Option<ClientAuth> {
    let (auth, node) = match present(fields.get("client_auth_type")) {
        None => (ClientAuth::default(), None),
        Some(node) => {
            let words: Vec<&str> = CLIENT_AUTH.iter().map(|(word, _)| *word).collect();
            let word = reader.word(node, "client_auth_type", &words)?;
            (CLIENT_AUTH.iter().find(|(known, _)| *known == word)?.1, Some(node))
        }
    };
    let verifies = matches!(auth, ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert);
    match (fields.key("client_ca_file"), node) {
        (None, Some(node)) if verifies => reader.complain(
            node,
            "clients are to be verified, and there is no client_ca_file to verify them by",
            "write client_ca_file: client-ca.crt",
        ),
        (Some(key), _) if !verifies => reader.complain(
            key,
            "client_ca_file is there, and client_auth_type asks for no verified certificate",
            "write client_auth_type: RequireAndVerifyClientCert, or leave client_ca_file out",
        ),
        _ => {}
    }
    Some(auth)
}

fn names(reader: &Reader, fields: &Fields, auth: Option<ClientAuth>) -> Vec<String> {
    let mut names = Vec::new();
    for item in list(reader, fields, "client_allowed_sans", "[prometheus.example]") {
        let Some(name) = reader.text(item, "client_allowed_sans") else { continue };
        let host = name.parse::<std::net::IpAddr>().is_ok()
            || name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
        if host {
            names.push(name);
        } else {
            let what = format!("'{name}' is neither a host name nor an IP address, and only those are compared");
            reader.complain(item, what, "write the certificate's DNS name, like prometheus.example");
        }
    }
    if let Some(key) = fields.key("client_allowed_sans")
        && auth.is_some_and(|auth| auth != ClientAuth::RequireAndVerifyClientCert)
    {
        reader.complain(
            key,
            "client_allowed_sans is there, and a client may come without a verified certificate",
            "write client_auth_type: RequireAndVerifyClientCert",
        );
    }
    names
}

fn versions(reader: &Reader, fields: &Fields) -> (bool, bool) {
    let of = |name: &str| -> Option<(&Node, usize)> {
        let node = present(fields.get(name))?;
        let word = reader.word(node, name, VERSIONS)?;
        Some((node, VERSIONS.iter().position(|version| *version == word)?))
    };
    let (least, most) = (of("min_version"), of("max_version"));
    for (node, version) in least.iter().chain(&most) {
        if *version < 2 {
            let what = format!("{} is broken and not spoken", VERSIONS[*version]);
            reader.complain(node, what, "write TLS12 or TLS13");
        }
    }
    if let (Some((_, least)), Some((node, most))) = (least, most)
        && least > most
    {
        reader.complain(node, "max_version is below min_version", "write TLS13");
    }
    (least.is_none_or(|(_, v)| v <= 2), most.is_none_or(|(_, v)| v >= 3))
}

fn list<'n>(reader: &Reader, fields: &Fields<'n>, name: &'static str, example: &str) -> &'n [Node] {
    present(fields.get(name)).and_then(|node| reader.items(node, name, example)).unwrap_or_default()
}

fn read_users(reader: &Reader, node: &Node) -> BTreeMap<String, PasswordHash> {
    const EXAMPLE: &str = "write NAME: a bcrypt hash; htpasswd -nBC 10 NAME makes one";
    let mut users = BTreeMap::new();
    let Kind::Map(pairs) = &node.kind else {
        let what = format!("basic_auth_users are names with bcrypt hashes, and here stands {}", node.sort());
        reader.complain(node, what, EXAMPLE);
        return users;
    };
    for (key, value) in pairs {
        // A password written by mistake must not come back in a complaint.
        if let Kind::Text(secret) = &value.kind {
            reader.keep_secret(secret);
        } else if !value.is_null() {
            reader.keep_secret(reader.document.raw(value));
        }
        let Some(name) = reader.text(key, "a user's name") else { continue };
        if name.contains(':') {
            reader.complain(key, "a user's name holds a colon, which HTTP cannot say", "write a name without :");
            continue;
        }
        let Kind::Text(hash) = &value.kind else {
            reader.complain(value, format!("the password of {name} is no bcrypt hash"), EXAMPLE);
            continue;
        };
        match cost(hash) {
            None => reader.complain(
                value,
                format!("the password of {name} is no bcrypt hash: passwords are not written down"),
                EXAMPLE,
            ),
            Some(cost) if cost > limits::BCRYPT_COST_MAX => reader.complain(
                value,
                format!("a hash of cost {cost} takes a minute and more to compare"),
                format!("write one of cost {} or less: htpasswd -nBC 10 {name}", limits::BCRYPT_COST_MAX),
            ),
            Some(_) if users.contains_key(&name) => {
                reader.complain(key, format!("the user {name} stands twice"), "write each user once");
            }
            Some(_) => drop(users.insert(name, PasswordHash(hash.clone()))),
        }
    }
    users
}

/// `roles: { lin: operator, wang: reader }`, ours alone: Prometheus exporters know no roles.
fn read_roles(reader: &Reader, node: &Node, users: Option<&Node>) -> BTreeMap<String, Role> {
    const EXAMPLE: &str = "write NAME: operator, or NAME: reader";
    let mut roles = BTreeMap::new();
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(
            node,
            format!("roles are names with what they may do, and here stands {}", node.sort()),
            EXAMPLE,
        );
        return roles;
    };
    // Users with a mistake of their own are users all the same.
    let named: Vec<String> = match users.map(|users| &users.kind) {
        Some(Kind::Map(pairs)) => {
            pairs.iter().map(|(key, _)| reader.document.raw(key).trim_matches(['"', '\'']).to_string()).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in pairs {
        let Some(name) = reader.text(key, "a user's name") else { continue };
        let words: Vec<&str> = ROLES.iter().map(|(word, _)| *word).collect();
        let role = reader.word(value, "a role", &words);
        if !named.contains(&name) {
            let known: Vec<&str> = named.iter().map(String::as_str).collect();
            let close = super::meant::closest(&name, &known);
            let write = match close {
                Some(close) => format!("write {close}"),
                None => "give the user a password in basic_auth_users, or take the role away".to_string(),
            };
            reader.complain(key, format!("the role of {name} is nobody's: basic_auth_users has no such user"), write);
            continue;
        }
        if roles.contains_key(&name) {
            reader.complain(key, format!("the role of {name} stands twice"), "write each user once");
            continue;
        }
        let role = role.and_then(|word| ROLES.iter().find(|(known, _)| *known == word));
        roles.extend(role.map(|(_, role)| (name, *role)));
    }
    if pairs.iter().all(|(_, value)| !matches!(&value.kind, Kind::Text(word) if word == "operator")) {
        reader.complain(
            node,
            "nobody is an operator: nobody could reload, or have a call forgotten",
            "write operator for one of them",
        );
    }
    roles
}

/// Of `$2y$10$` and 53 characters of salt and hash.
fn cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$", "$2x$"].iter().find_map(|head| hash.strip_prefix(head))?;
    let (cost, tail) = rest.split_once('$')?;
    let whole = tail.len() == 53 && tail.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    (whole && cost.len() == 2).then(|| cost.parse().ok()).flatten().filter(|cost| (4..=31).contains(cost))
}

fn read_http(reader: &Reader, node: &Node) -> Vec<(String, String)> {
    let Some(fields) = reader.fields(node, "http_server_config", &["http2", "headers"]) else { return Vec::new() };
    // HTTP/1.1 is spoken in any case; both settings are met.
    if let Some(node) = present(fields.get("http2")) {
        reader.truth(node, "http2");
    }
    let mut headers = Vec::new();
    let Some(node) = present(fields.get("headers")) else { return headers };
    let Some(fields) = reader.fields(node, "headers", HEADERS) else { return headers };
    for name in HEADERS {
        let Some(node) = present(fields.get(name)) else { continue };
        let Some(value) = (match &node.kind {
            Kind::Number(_) => Some(reader.document.raw(node).to_string()),
            _ => reader.text(node, name),
        }) else {
            continue;
        };
        if value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            headers.push((name.to_string(), value));
        } else {
            reader.complain(node, format!("{name} holds what a header cannot"), "write plain ASCII on one line");
        }
    }
    headers
}
