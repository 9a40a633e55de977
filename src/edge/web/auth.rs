//! Passwords over HTTP (RFC 7617), hashed by bcrypt.
//!
//! A right password costs bcrypt once; after that a salted digest is compared, so that a scrape costs nothing. An unknown
//! name costs as much as a known one, and wrong guesses wait in line for one core.

use crate::config::web_file::{PasswordHash, Role};
use axum::http::{HeaderMap, header};
use base64::Engine;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Mutex;
use tokio::sync::Semaphore;

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    /// `None` where nobody is asked for a name.
    pub name: Option<String>,
    pub role: Role,
    pub peer: IpAddr,
}

impl Visitor {
    /// As the ledger has it.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => self.peer.to_string(),
        }
    }

    /// Deleting, and reading who took what, needs a name to stand for it.
    pub fn may_take_away(&self) -> bool {
        self.name.is_some() && self.role == Role::Operator
    }

    pub fn may(&self, reads: bool, path: &str) -> bool {
        let forgets = !reads && path.starts_with("/calls/");
        match path {
            "/downloads" => self.may_take_away(),
            // It makes calls.
            "/probe" => self.role == Role::Operator,
            _ if forgets => self.may_take_away(),
            _ => reads || self.role == Role::Operator,
        }
    }
}

pub struct Gate {
    users: BTreeMap<String, PasswordHash>,
    /// `None`: everybody who has a password is an operator.
    roles: Option<BTreeMap<String, Role>>,
    /// Compared with when the name is unknown.
    stranger: String,
    salt: [u8; 16],
    right: Mutex<BTreeSet<[u8; 32]>>,
    line: Semaphore,
}

impl Gate {
    pub fn new(users: &BTreeMap<String, PasswordHash>, roles: Option<&BTreeMap<String, Role>>) -> Gate {
        // The hash of no password of anybody's, as costly as the costliest.
        let cost = users.values().filter_map(|hash| hash.0.split('$').nth(2)).max().unwrap_or("10");
        Gate {
            users: users.clone(),
            roles: roles.cloned(),
            stranger: format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            salt: ulid::Ulid::new().to_bytes(),
            right: Mutex::default(),
            line: Semaphore::new(1),
        }
    }

    /// Whose the request is; `None`: it may not pass.
    pub async fn visitor(&self, headers: &HeaderMap, peer: IpAddr) -> Option<Visitor> {
        if self.users.is_empty() {
            return Some(Visitor { name: None, role: Role::Operator, peer });
        }
        let (user, password) = credentials(headers)?;
        if !self.knows(&user, password).await {
            return None;
        }
        let role = match &self.roles {
            None => Role::Operator,
            Some(roles) => roles.get(&user).copied().unwrap_or(Role::Reader),
        };
        Some(Visitor { name: Some(user), role, peer })
    }

    async fn knows(&self, user: &str, password: String) -> bool {
        let known = self.users.get(user).map(|hash| hash.0.clone());
        let digest = self.digest(user, &password, known.as_deref().unwrap_or_default());
        let cached = self.right.lock().unwrap_or_else(|p| p.into_inner()).contains(&digest);
        if cached {
            return true;
        }
        let is_known = known.is_some();
        let hash = known.unwrap_or_else(|| self.stranger.clone());
        let Ok(_turn) = self.line.acquire().await else { return false };
        let matches = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
        let right = matches.unwrap_or(false) && is_known;
        if right {
            // Only what is right is kept: as many entries as users, no more.
            self.right.lock().unwrap_or_else(|p| p.into_inner()).insert(digest);
        }
        right
    }

    fn digest(&self, user: &str, password: &str, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        for part in [user, password, hash] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_string(), password.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn gate() -> Gate {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        Gate::new(&BTreeMap::from([("prometheus".to_string(), PasswordHash(hash))]), None)
    }

    fn said(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let gate = gate();
        for (said, opens) in [
            (said("prometheus:open sesame"), true),
            (said("prometheus:open sesame"), true),
            (said("prometheus:open sesam"), false),
            (said("prometheus:"), false),
            (said("stranger:open sesame"), false),
            (said("prometheus"), false),
            (said(""), false),
            (HeaderMap::new(), false),
        ] {
            assert_eq!(gate.visitor(&said, HERE).await.is_some(), opens, "{said:?}");
        }
        assert_eq!(gate.right.lock().unwrap().len(), 1, "what is wrong is not kept");
    }

    #[test]
    fn a_stranger_is_compared_with_a_hash_that_can_be_read() {
        // Else an unknown name would be refused faster than a known one.
        let stranger = gate().stranger;
        assert_eq!(bcrypt::verify("x", &stranger).map_err(|e| e.to_string()), Ok(false), "{stranger}");
    }

    #[tokio::test]
    async fn without_users_nobody_is_asked() {
        let open = Gate::new(&BTreeMap::new(), None).visitor(&HeaderMap::new(), HERE).await.unwrap();
        assert_eq!((open.name.as_deref(), open.role, open.may_take_away()), (None, Role::Operator, false));
    }
}
