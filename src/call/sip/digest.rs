//! Digest authentication: reads challenges, answers them, and (for pretend hotlines) checks answers.
//! RFC 3261 §22, RFC 2617, RFC 7616, RFC 8760. Ours, since `rsip` knows neither `SHA-256` nor lists of qop.

use super::header::split_list;
use super::message::Message;
use crate::vocabulary::Seed;
use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

/// A user name and its password; `Debug` never shows the password.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The hash of an answer. RFC 8760 §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

/// Which protection the challenge offers that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    Auth,
    AuthInt,
}

/// A challenge that we can answer. Strings are as they stood between their quotes (RFC 7616 §3.4: `unq`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    /// As it stood in the challenge, to be given back so.
    pub algorithm: Option<String>,
    pub hash: Hash,
    pub session: bool,
    pub qop: Option<Qop>,
    pub stale: bool,
    pub userhash: bool,
}

/// Why a challenge cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthProblem {
    #[error("a challenge, and no credentials were given")]
    NoCredentials,
    #[error("the credentials were refused")]
    Refused,
    #[error("no challenge of a scheme and algorithm that we know")]
    Unsupported,
    #[error("too many challenges")]
    TooMany,
}

/// Challenges that one request may meet before we call it a loop: a 407 and a 401, each with a stale nonce or two.
const CHALLENGES_MAX: usize = 6;

impl Hash {
    fn hex(self, text: &[u8]) -> String {
        fn hex(bytes: &[u8]) -> String {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        match self {
            Hash::Md5 => hex(&Md5::digest(text)),
            Hash::Sha256 => hex(&Sha256::digest(text)),
            Hash::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate or Proxy-Authenticate header; `None` for what we cannot answer.
    pub fn parse(value: &str) -> Option<Challenge> {
        let fields = Fields::parse(value)?;
        let algorithm = fields.get("algorithm").filter(|a| !a.is_empty());
        let name = algorithm.map_or_else(|| "md5".to_string(), str::to_ascii_lowercase);
        let (hash, session) = match name.strip_suffix("-sess").map_or((name.as_str(), false), |bare| (bare, true)) {
            ("md5", session) => (Hash::Md5, session),
            ("sha-256", session) => (Hash::Sha256, session),
            ("sha-512-256", session) => (Hash::Sha512_256, session),
            _ => return None,
        };
        let qop = match fields.get("qop") {
            None => None,
            Some(list) => {
                let mut options = list.split(',').map(str::trim);
                let has = |wanted: &str| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted));
                match (has("auth"), has("auth-int"), options.all(str::is_empty)) {
                    (true, ..) => Some(Qop::Auth),
                    (_, true, _) => Some(Qop::AuthInt),
                    (_, _, true) => None,
                    _ => return None,
                }
            }
        };
        Some(Challenge {
            realm: fields.get("realm")?.to_string(),
            nonce: fields.get("nonce")?.to_string(),
            opaque: fields.get("opaque").map(str::to_string),
            algorithm: algorithm.map(str::to_string),
            hash,
            session,
            qop,
            stale: fields.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
            userhash: fields.get("userhash").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }

    /// The `response` value. `count` is the nonce count, `body` counts for auth-int only.
    fn response(
        &self,
        credentials: &Credentials,
        method: &str,
        uri: &str,
        count: u32,
        cnonce: &str,
        body: &[u8],
    ) -> String {
        let h = |text: String| self.hash.hex(text.as_bytes());
        let mut a1 = h(format!("{}:{}:{}", credentials.username, self.realm, credentials.password));
        if self.session {
            a1 = h(format!("{a1}:{}:{cnonce}", self.nonce));
        }
        let a2 = match self.qop {
            Some(Qop::AuthInt) => h(format!("{method}:{uri}:{}", self.hash.hex(body))),
            _ => h(format!("{method}:{uri}")),
        };
        match self.qop {
            None => h(format!("{a1}:{}:{a2}", self.nonce)),
            Some(qop) => h(format!("{a1}:{}:{count:08x}:{cnonce}:{}:{a2}", self.nonce, qop.as_str())),
        }
    }

    /// The value of an Authorization or Proxy-Authorization header.
    pub fn answer(
        &self,
        credentials: &Credentials,
        method: &str,
        uri: &str,
        count: u32,
        cnonce: &str,
        body: &[u8],
    ) -> String {
        let response = self.response(credentials, method, uri, count, cnonce, body);
        let username = match self.userhash {
            true => self.hash.hex(format!("{}:{}", credentials.username, self.realm).as_bytes()),
            false => credentials.username.replace('\\', "\\\\").replace('"', "\\\""),
        };
        let mut value = format!(
            "Digest username=\"{username}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
            self.realm, self.nonce
        );
        if let Some(algorithm) = &self.algorithm {
            value.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque=\"{opaque}\""));
        }
        if let Some(qop) = self.qop {
            value.push_str(&format!(", qop={}, nc={count:08x}, cnonce=\"{cnonce}\"", qop.as_str()));
        } else if self.session {
            value.push_str(&format!(", cnonce=\"{cnonce}\""));
        }
        if self.userhash {
            value.push_str(", userhash=true");
        }
        value
    }
}

impl Qop {
    fn as_str(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

/// `Digest name=value, name="value", …`
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn parse(value: &'a str) -> Option<Fields<'a>> {
        let (scheme, rest) = value.trim().split_once(char::is_whitespace)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let fields = split_list(rest, ',').into_iter().filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            Some((name.trim(), bare))
        });
        Some(Fields(fields.collect()))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Our side of authentication over one call: meets challenges, and puts credentials into later requests unasked, as
/// RFC 3261 §22.3 wants within a dialog.
#[derive(Clone, Debug)]
pub struct Authenticator {
    credentials: Option<Credentials>,
    seed: Seed,
    protections: Vec<Protection>,
}

/// What one realm asked for last.
#[derive(Clone, Debug)]
struct Protection {
    proxy: bool,
    challenge: Challenge,
    cnonce: String,
    count: u32,
}

/// The challenges that one request has met so far.
#[derive(Clone, Debug, Default)]
pub struct Met(Vec<(bool, String, String)>);

impl Authenticator {
    /// Without credentials every challenge is a problem.
    pub fn new(credentials: Option<Credentials>, seed: Seed) -> Authenticator {
        Authenticator { credentials, seed, protections: Vec::new() }
    }

    /// Takes in the challenges of a 401 or 407 to a request that has `met` others before. `Ok` means: send it again.
    pub fn meet(&mut self, response: &Message, met: &mut Met) -> Result<(), AuthProblem> {
        if self.credentials.is_none() {
            return Err(AuthProblem::NoCredentials);
        }
        let mut taken: Vec<(bool, Challenge)> = Vec::new();
        for (proxy, name) in [(false, "WWW-Authenticate"), (true, "Proxy-Authenticate")] {
            for challenge in response.all(name).filter_map(Challenge::parse) {
                // RFC 8760 §2.4: of a realm's challenges, the first that we know.
                if !taken.iter().any(|(p, c)| *p == proxy && c.realm == challenge.realm) {
                    taken.push((proxy, challenge));
                }
            }
        }
        if taken.is_empty() {
            return Err(AuthProblem::Unsupported);
        }
        for (proxy, challenge) in taken {
            if met.0.len() >= CHALLENGES_MAX {
                return Err(AuthProblem::TooMany);
            }
            let before = met.0.iter().filter(|(p, realm, _)| *p == proxy && *realm == challenge.realm);
            let known: Vec<&str> = before.map(|(.., nonce)| nonce.as_str()).collect();
            // Only `stale` with a new nonce says that the password was right (RFC 2617 §3.2.1).
            if !known.is_empty() && (!challenge.stale || known.contains(&challenge.nonce.as_str())) {
                return Err(AuthProblem::Refused);
            }
            met.0.push((proxy, challenge.realm.clone(), challenge.nonce.clone()));
            self.protections.retain(|p| p.proxy != proxy || p.challenge.realm != challenge.realm);
            let cnonce = self.seed.hex(16);
            self.protections.push(Protection { proxy, challenge, cnonce, count: 0 });
        }
        Ok(())
    }

    /// Puts credentials for every realm met so far into a request that is about to leave.
    pub fn authorize(&mut self, request: &mut Message) {
        request.remove("Authorization");
        request.remove("Proxy-Authorization");
        let Some(credentials) = &self.credentials else { return };
        let method = request.method().unwrap_or_default().to_string();
        let uri = request.request_uri().unwrap_or_default().to_string();
        let body = request.body().to_vec();
        for protection in &mut self.protections {
            protection.count += 1;
            let Protection { proxy, challenge, cnonce, count } = protection;
            let value = challenge.answer(credentials, &method, &uri, *count, cnonce, &body);
            request.push(if *proxy { "Proxy-Authorization" } else { "Authorization" }, &value);
        }
    }
}

/// True when an Authorization value answers a challenge with this nonce for these credentials. For pretend hotlines.
pub fn is_right(value: &str, method: &str, credentials: &Credentials, nonce: &str, body: &[u8]) -> bool {
    let Some(fields) = Fields::parse(value) else { return false };
    let Some(mut challenge) = Challenge::parse(value) else { return false };
    challenge.nonce = nonce.to_string();
    let count = u32::from_str_radix(fields.get("nc").unwrap_or("0"), 16).unwrap_or(0);
    let (uri, cnonce) = (fields.get("uri").unwrap_or_default(), fields.get("cnonce").unwrap_or_default());
    fields.get("nonce") == Some(nonce)
        && fields.get("username") == Some(credentials.username.as_str())
        && fields.get("response").is_some_and(|response| {
            response.eq_ignore_ascii_case(&challenge.response(credentials, method, uri, count, cnonce, body))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: &str, password: &str) -> Credentials {
        Credentials { username: username.into(), password: password.into() }
    }

    /// The first three are the examples of RFC 2617 §3.5 and RFC 7616 §3.9.1; the others were computed with Python's
    /// hashlib (`fixtures/digest/responses.py` of this repository prints them).
    #[test]
    fn answers_are_those_of_the_rfcs_and_of_another_implementation() {
        let mufasa = "Circle Of Life";
        let rfc2617 = "realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let rfc7616 = "realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"";
        let ours = "realm=\"asterisk\", nonce=\"1700000000/abc\"";
        let (c1, c2) = ("0a4f113b", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
        for (realm, rest, password, method, uri, count, cnonce, response) in [
            (
                rfc2617,
                "qop=\"auth,auth-int\"",
                "Circle Of Life",
                "GET",
                "/dir/index.html",
                1,
                c1,
                "6629fae49393a05397450978507c4ef1",
            ),
            (
                rfc7616,
                "qop=\"auth, auth-int\", algorithm=MD5",
                "Circle of Life",
                "GET",
                "/dir/index.html",
                1,
                c2,
                "8ca523f5e9506fed4657c9700eebdbec",
            ),
            (
                rfc7616,
                "qop=\"auth, auth-int\", algorithm=SHA-256",
                "Circle of Life",
                "GET",
                "/dir/index.html",
                1,
                c2,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (ours, "algorithm=MD5", mufasa, "INVITE", "sip:4001@127.0.0.1", 1, c1, "6d2ce6d91a73c8588cd2f5d7754894ff"),
            (
                ours,
                "algorithm=MD5-sess, qop=\"auth\"",
                mufasa,
                "INVITE",
                "sip:4001@127.0.0.1",
                26,
                c1,
                "d15f908910cd84a3ae3cf351c30f26c4",
            ),
            (
                ours,
                "algorithm=SHA-512-256, qop=auth",
                mufasa,
                "INVITE",
                "sip:4001@127.0.0.1",
                1,
                c1,
                "129c7e7b6336ba9429aad8f0a6fc911daa5101cf92241ddc47b0a34d36b80952",
            ),
            (
                ours,
                "algorithm=SHA-256-sess, qop=\"auth\"",
                mufasa,
                "BYE",
                "sip:4001@127.0.0.1",
                300,
                c1,
                "6e520f6081b3b25f2b72dab4af92b17b14f6117ec473a0321ea20d8f5c0aa687",
            ),
            (
                ours,
                "qop=\"auth-int\"",
                mufasa,
                "INVITE",
                "sip:4001@127.0.0.1",
                1,
                c1,
                "a2f96e966ad6bdf66ad71cb6c2fb1511",
            ),
        ] {
            let challenge = Challenge::parse(&format!("Digest {realm}, {rest}")).unwrap();
            let answer = challenge.answer(&credentials("Mufasa", password), method, uri, count, cnonce, b"v=0\r\n");
            assert!(answer.contains(&format!("response=\"{response}\"")), "{rest}: {answer}");
            if challenge.qop.is_some() {
                assert!(answer.contains(&format!("nc={count:08x}")), "{answer}");
            }
            let right =
                |password| is_right(&answer, method, &credentials("Mufasa", password), &challenge.nonce, b"v=0\r\n");
            assert!(right(password) && !right("wrong"), "{answer}");
        }
    }

    #[test]
    fn challenges_are_read_as_they_come() {
        let parsed = Challenge::parse(
            "DIGEST realm=\"a, \\\"b\\\"\" , NONCE=\"n=1,2\",opaque=\"\", stale=TRUE,algorithm=md5,qop=\"auth-int\", x=y",
        )
        .unwrap();
        assert_eq!((parsed.realm.as_str(), parsed.nonce.as_str()), ("a, \\\"b\\\"", "n=1,2"));
        assert_eq!((parsed.opaque.as_deref(), parsed.stale, parsed.qop), (Some(""), true, Some(Qop::AuthInt)));
        for value in [
            "",
            "Basic realm=\"x\"",
            "Digest",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-1",
            "Digest realm=\"x\", nonce=\"y\", qop=\"token\"",
            "NoOneKnowsThisScheme opaque-data=here",
        ] {
            assert_eq!(Challenge::parse(value), None, "{value}");
        }
    }

    fn challenge(status: u16, headers: &[&str]) -> Message {
        let mut response = Message::response(status, "x");
        for value in headers {
            response.push(if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" }, value);
        }
        response
    }

    fn authenticator() -> Authenticator {
        Authenticator::new(Some(credentials("u", "p")), Seed::new(7))
    }

    const A1: &str = "Digest realm=\"a\", nonce=\"1\", qop=\"auth\"";
    const A2: &str = "Digest realm=\"a\", nonce=\"2\", qop=\"auth\"";
    const A2_STALE: &str = "Digest realm=\"a\", nonce=\"2\", qop=\"auth\", stale=true";
    const B1: &str = "Digest realm=\"b\", nonce=\"1\"";

    #[test]
    fn a_wrong_password_is_told_from_a_stale_nonce_and_never_loops() {
        use AuthProblem::*;
        for (name, rounds) in [
            ("the same again", vec![(401, A1, Ok(())), (401, A1, Err(Refused))]),
            ("a new nonce without stale", vec![(401, A1, Ok(())), (401, A2, Err(Refused))]),
            ("stale", vec![(401, A1, Ok(())), (401, A2_STALE, Ok(())), (401, A2_STALE, Err(Refused))]),
            ("407 then 401", vec![(407, A1, Ok(())), (401, A1, Ok(())), (407, A1, Err(Refused))]),
            ("two realms", vec![(401, A1, Ok(())), (401, B1, Ok(())), (401, B1, Err(Refused))]),
            ("unknown", vec![(401, "Basic realm=\"a\"", Err(Unsupported))]),
        ] {
            let (mut authenticator, mut met) = (authenticator(), Met::default());
            for (status, header, expected) in rounds {
                assert_eq!(authenticator.meet(&challenge(status, &[header]), &mut met), expected, "{name}");
            }
        }
        let (mut authenticator, mut met) = (authenticator(), Met::default());
        let rounds = (0..50).map(|i| format!("Digest realm=\"a\", nonce=\"{i}\", stale=true"));
        let accepted = rounds.take_while(|one| authenticator.meet(&challenge(401, &[one]), &mut met).is_ok()).count();
        assert_eq!(accepted, CHALLENGES_MAX, "for ever stale is a loop, too");
        let mut none = Authenticator::new(None, Seed::new(1));
        assert_eq!(none.meet(&challenge(401, &[A1]), &mut Met::default()), Err(NoCredentials));
    }

    #[test]
    fn the_first_known_algorithm_of_each_realm_is_taken() {
        let mut authenticator = authenticator();
        let sha1 = "Digest realm=\"a\", nonce=\"0\", algorithm=SHA-1";
        let sha256 = "Digest realm=\"a\", nonce=\"3\", algorithm=SHA-256, qop=\"auth\"";
        authenticator.meet(&challenge(401, &[sha1, sha256, A1, B1]), &mut Met::default()).unwrap();
        let mut request = Message::request("INVITE", "sip:a@h");
        authenticator.authorize(&mut request);
        let values: Vec<&str> = request.all("Authorization").collect();
        assert_eq!(values.len(), 2);
        assert!(values[0].contains("algorithm=SHA-256") && values[1].contains("realm=\"b\""), "{values:?}");
    }

    #[test]
    fn the_nonce_count_goes_up_with_every_request_and_starts_again_with_a_new_nonce() {
        let mut authenticator = authenticator();
        authenticator.meet(&challenge(401, &[A1]), &mut Met::default()).unwrap();
        let mut request = Message::request("INVITE", "sip:a@h");
        for count in 1..=17 {
            authenticator.authorize(&mut request);
            let value = request.header("Authorization").unwrap();
            assert!(value.contains(&format!("nc={count:08x}")), "{value}");
        }
        authenticator.meet(&challenge(401, &[A2]), &mut Met::default()).unwrap();
        authenticator.authorize(&mut request);
        assert!(request.header("Authorization").unwrap().contains("nc=00000001"));
        assert_eq!(request.all("Authorization").count(), 1);
    }

    #[test]
    fn the_password_is_never_shown() {
        assert!(
            !format!("{:?}", Authenticator::new(Some(credentials("u", "secret")), Seed::new(1))).contains("secret")
        );
    }
}
