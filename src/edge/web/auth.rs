//! Passwords over HTTP (RFC 7617), hashed by bcrypt.
//!
//! A right password costs bcrypt once; after that a salted digest is compared, so that a scrape costs nothing. An unknown
//! name costs as much as a known one, and wrong guesses wait in line for one core.

use crate::config::web_file::PasswordHash;
use axum::http::{HeaderMap, header};
use base64::Engine;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use tokio::sync::Semaphore;

pub struct Gate {
    users: BTreeMap<String, PasswordHash>,
    /// Compared with when the name is unknown.
    stranger: String,
    salt: [u8; 16],
    right: Mutex<BTreeSet<[u8; 32]>>,
    line: Semaphore,
}

impl Gate {
    pub fn new(users: &BTreeMap<String, PasswordHash>) -> Gate {
        // The hash of no password of anybody's, as costly as the costliest.
        let cost = users.values().filter_map(|hash| hash.0.split('$').nth(2)).max().unwrap_or("10");
        Gate {
            users: users.clone(),
            stranger: format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            salt: ulid::Ulid::new().to_bytes(),
            right: Mutex::default(),
            line: Semaphore::new(1),
        }
    }

    /// Whether the request may pass.
    pub async fn lets_in(&self, headers: &HeaderMap) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let Some((user, password)) = credentials(headers) else { return false };
        let known = self.users.get(&user).map(|hash| hash.0.clone());
        let digest = self.digest(&user, &password, known.as_deref().unwrap_or_default());
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

    fn gate() -> Gate {
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        Gate::new(&BTreeMap::from([("prometheus".to_string(), PasswordHash(hash))]))
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
            assert_eq!(gate.lets_in(&said).await, opens, "{said:?}");
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
        assert!(Gate::new(&BTreeMap::new()).lets_in(&HeaderMap::new()).await);
    }
}
