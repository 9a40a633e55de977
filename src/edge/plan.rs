//! From what is wanted to a call ready to be placed: trunk, address, guard, sounds, evidence.

use super::call::{self, Finished, Stop, Words, Writer};
use super::evidence::Evidence;
use super::line::{Sockets, Tls, resolve};
use super::probes;
use super::shelf::Shelf;
use super::trunk::{Attended, Trunks};
use crate::config::persona::Persona;
use crate::config::{
    Allow, Expectation, Hotline, IfHuman, PasswordFrom, Probe, Server, Step, Transport, Trunk, TrunkTls,
};
use crate::hearing::prompts::known::Lesson;
use crate::journey::{COURTESY_FILE, Journey, Settings, guard, settings};
use crate::record::call::CallFacts;
use crate::record::known_prompts::KnownPrompts;
use crate::record::tape::TapeHeader;
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Codec, Event, Lang, SAMPLE_RATE, Seed, Srtp, Target, View};
use chrono::{DateTime, FixedOffset, Local, NaiveDate, Utc};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A call that is wanted, by hand or by a probe file.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The call's ULID, where somebody has written it down before; else it gets a new one.
    pub id: Option<String>,
    /// The INVITE leaves at this moment; what it needs is got ready before.
    pub not_before: Option<Instant>,
    pub target: Target,
    pub hotline: Option<String>,
    pub probe: Option<String>,
    pub trunk: Option<Trunk>,
    /// Who attends to the trunk. A trunk that registers and has nobody registers for this call.
    pub attended: Option<Attended>,
    pub credentials: Option<(String, String)>,
    pub languages: Vec<Lang>,
    pub tones: Option<String>,
    pub ring_limit: Duration,
    pub call_limit: Duration,
    pub steps: Vec<Step>,
    /// The folder of the user's files, where a sentence for people who answer may lie.
    pub folder: PathBuf,
    pub expect: Option<Expectation>,
    pub timezone: Option<chrono_tz::Tz>,
    pub hours: Option<String>,
    pub goes_on_with_people: bool,
    /// A saved map that the menus should agree with.
    pub map: Option<PathBuf>,
    /// Where the prompts lie that were heard in calls before; without it everything is heard anew.
    pub prompts: Option<PathBuf>,
    /// Map the hotline instead of following steps.
    pub explore: Option<crate::journey::explore::Errand>,
    /// By which method keys leave; None: as the trunk says, or the answer.
    pub keys: Option<KeyChoice>,
    /// Empty: as the trunk says, or everything.
    pub codecs: Vec<Codec>,
    /// None: as the trunk says.
    pub srtp: Option<Srtp>,
    /// Who calls; what it does not say is as the trunk says.
    pub persona: Persona,
}

/// Why a call was not made. Nothing has been sent.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// Wrong words on the command line or in a file: exit 2.
    #[error("{0}")]
    Wrong(String),
    /// Our own fault or the network's: exit 3.
    #[error("{0}")]
    Ours(String),
}

impl Wanted {
    /// A probe of a file, with what is expected of it at this hour (`schedule::expectation_at`).
    pub fn by_probe(hotline: &Hotline, probe: &Probe, trunk: Option<&Trunk>, expect: Option<Expectation>) -> Wanted {
        let folder = Path::new(&hotline.file).parent().unwrap_or(Path::new("."));
        Wanted {
            id: None,
            not_before: None,
            target: hotline.target.clone(),
            hotline: Some(hotline.name.clone()),
            probe: Some(probe.name.clone()),
            trunk: trunk.cloned(),
            attended: None,
            credentials: None,
            languages: hotline.languages.clone(),
            tones: hotline.calendar.clone().or_else(|| country_of(&hotline.target).map(str::to_string)),
            ring_limit: probe.ring_limit,
            call_limit: probe.call_limit,
            steps: probe.steps.clone(),
            folder: folder.to_path_buf(),
            expect,
            timezone: Some(hotline.timezone),
            hours: hotline.hours.as_ref().map(|h| h.0.clone()),
            goes_on_with_people: probe.if_human == IfHuman::GoOn,
            map: None,
            prompts: None,
            explore: None,
            keys: probe.dtmf,
            codecs: Vec::new(),
            srtp: None,
            persona: probe.persona.clone(),
        }
    }

    /// Whether some step or expectation can only be judged by words.
    pub fn needs_words(&self) -> bool {
        let by_words = |expect: &Expectation| !expect.heard.is_empty() || !expect.not_heard.is_empty();
        self.expect.as_ref().is_some_and(by_words)
            || self.map.is_some()
            // Deaf ears would call any speech silence.
            || self.steps.iter().any(|s| matches!(s, Step::Hear { .. } | Step::Choose { .. } | Step::Human { .. }))
    }
}

/// The country whose tones a number will sound like.
pub fn country_of(target: &Target) -> Option<&'static str> {
    let View::Tel(number) = target.view() else { return None };
    [("+86", "CN"), ("+1", "US"), ("+44", "UK"), ("+49", "DE"), ("+81", "JP"), ("+33", "FR")]
        .into_iter()
        .find(|(prefix, _)| number.starts_with(prefix))
        .map(|(_, country)| country)
}

/// Makes one call. `allow` is `None` only for loopback targets typed by hand.
pub async fn make(
    wanted: Wanted,
    allow: Option<&Allow>,
    folder: &Path,
    writer: Option<Writer>,
    stop: &mut mpsc::Receiver<Stop>,
    watch: &mut dyn FnMut(&Event),
) -> Result<Finished, NotMade> {
    match allow {
        Some(allow) => guard::may_dial(&wanted.target, allow).map_err(NotMade::Wrong)?,
        None if wanted.target.is_loopback() => {}
        None => {
            return Err(NotMade::Wrong(format!("{} is not on this machine and there is no allow list", wanted.target)));
        }
    }
    let hop = next_hop(&wanted)?;
    match wanted.trunk.as_ref().filter(|trunk| trunk.register) {
        None => place(wanted, hop, Vec::new(), folder, writer, stop, watch).await,
        Some(trunk) => {
            let own = Trunks::default();
            let attended = match &wanted.attended {
                Some(attended) => Some(attended.clone()),
                None => own.of_call(trunk)?,
            };
            let name = trunk.name.clone();
            let up = match attended {
                Some(attended) => attended.up().await,
                None => Err("nobody attends to it".to_string()),
            };
            let made = match up {
                Ok(service_route) => place(wanted, hop, service_route, folder, writer, stop, watch).await,
                // What a registrar that does not know us says to a call would be laid at the hotline's door.
                Err(why) => Err(NotMade::Ours(format!("the trunk {name} is not registered: {why}"))),
            };
            own.end().await;
            made
        }
    }
}

/// Everything that a call needs is got ready, and it is placed.
async fn place(
    wanted: Wanted,
    hop: Hop,
    service_route: Vec<String>,
    folder: &Path,
    writer: Option<Writer>,
    stop: &mut mpsc::Receiver<Stop>,
    watch: &mut dyn FnMut(&Event),
) -> Result<Finished, NotMade> {
    let srtp = wanted.srtp.or(wanted.trunk.as_ref().map(|trunk| trunk.srtp)).unwrap_or_default();
    let may_be_read = wanted.trunk.as_ref().is_some_and(|trunk| trunk.srtp_without_tls) || wanted.target.is_loopback();
    if srtp != Srtp::Off && hop.transport != Transport::Tls && !may_be_read {
        let why = format!(
            "SRTP sends its keys in the signalling, and over {} everybody on the way can read them",
            hop.transport
        );
        return Err(NotMade::Wrong(format!("{why}; use a trunk by TLS, or write srtp_without_tls: true there")));
    }
    let of_trunk = wanted.trunk.as_ref().map(|trunk| trunk.codecs.clone()).unwrap_or_default();
    let codecs = [wanted.codecs.clone(), of_trunk, settings::offered_codecs(wanted.tones.as_deref())];
    let codecs = codecs.into_iter().find(|codecs| !codecs.is_empty()).unwrap_or_default();
    let early = wanted.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
    let wall = started(wanted.timezone) + early;
    let id = wanted.id.clone().unwrap_or_else(new_id);
    let seed = u64::from_str_radix(&crate::record::tape::sha256_hex(id.as_bytes())[..16], 16).unwrap_or(1);
    let sounds = load_sounds(&wanted)?;
    let map = wanted.map.as_deref().map(probes::load_map).transpose().map_err(|e| NotMade::Wrong(e.to_string()))?;
    let tls = hop.tls()?;
    let remote = match resolve(&hop.host, hop.port).await {
        Ok(address) => address,
        Err(e) => return Err(NotMade::Ours(format!("no address for {}: {e}", hop.host))),
    };
    let sockets = Sockets::towards(remote, hop.transport, tls).await;
    let sockets = sockets.map_err(|e| NotMade::Ours(format!("no way to {remote}: {e}")))?;
    let local_rtp = sockets.rtp.local_addr().map_err(|e| NotMade::Ours(e.to_string()))?;
    let credentials = credentials(&wanted)?;
    let persona = persona(&wanted);
    let settings = Settings {
        target: request_uri(&wanted),
        remote,
        local_sip: sockets.sip.local(),
        local_rtp,
        transport: hop.transport,
        routes: routes(&wanted, service_route),
        seen_as: None,
        from_user: from_user(&wanted, credentials.as_ref()),
        from_display: persona.caller_name.clone(),
        asserted: persona.asserted_identity.clone(),
        anonymous: persona.anonymous == Some(true),
        username: credentials.as_ref().map(|(user, _)| user.clone()),
        trunk: wanted.trunk.as_ref().map(|t| t.name.clone()),
        hotline: wanted.hotline.clone(),
        probe: wanted.probe.clone(),
        id: id.clone(),
        languages: wanted.languages.clone(),
        tones: wanted.tones.clone(),
        ring_limit_ms: wanted.ring_limit.as_millis() as u64,
        call_limit_ms: wanted.call_limit.as_millis() as u64,
        codecs,
        srtp,
        keys: wanted.keys.or(wanted.trunk.as_ref().and_then(|trunk| trunk.dtmf)).unwrap_or(KeyChoice::Auto),
        steps: settings::short_form(&wanted.steps),
        expect: wanted.expect.as_ref().map(Into::into),
        on: Some(wall.date_naive()),
        at: Some(wall.time()),
        hours: wanted.hours.clone(),
        goes_on_with_people: wanted.goes_on_with_people,
        deaf: writer.is_none(),
        map: map.map(Box::new),
        explore: wanted.explore.clone().map(Box::new),
    };
    let shown = wall.to_rfc3339_opts(chrono::SecondsFormat::Micros, false);
    let header = TapeHeader::new(
        seed,
        shown.clone(),
        settings.target.clone(),
        serde_json::to_value(&settings).map_err(|e| NotMade::Ours(e.to_string()))?,
    );
    let loaded: Vec<(String, Arc<[i16]>)> =
        sounds.iter().map(|(name, samples)| (name.clone(), samples.clone())).collect();
    let evidence = Evidence::open(folder, &id, &header, &loaded).map_err(|e| {
        NotMade::Ours(format!("no call without its evidence: {} cannot be written: {e}", folder.display()))
    })?;
    let facts = CallFacts {
        id,
        hotline: wanted.hotline.clone(),
        probe: wanted.probe.clone(),
        target: settings.target.clone(),
        started: shown,
        call_id: None,
        evidence: Default::default(),
    };
    let password = credentials.map(|(_, password)| password);
    let journey = Journey::new(settings, password, sounds, &Seed::new(seed)).map_err(NotMade::Wrong)?;
    let name = wanted.hotline.clone().unwrap_or_else(|| wanted.target.to_string());
    let shelf = wanted.prompts.as_ref().map(|folder| Shelf::new(folder, &name));
    let known = known_prompts(shelf.clone()).await;
    if let Some(moment) = wanted.not_before {
        tokio::time::sleep_until(moment.into()).await;
    }
    let finished = call::place(journey, facts, sockets, evidence, Words { writer, known }, stop, watch).await;
    if let Some(shelf) = shelf {
        learn(shelf, finished.lessons.clone(), wall.date_naive()).await;
    }
    Ok(finished)
}

/// Off the thread of the calls: a disk may be slow.
async fn known_prompts(shelf: Option<Shelf>) -> KnownPrompts {
    let Some(shelf) = shelf else { return KnownPrompts::default() };
    tokio::task::spawn_blocking(move || shelf.known()).await.unwrap_or_default()
}

async fn learn(shelf: Shelf, lessons: Vec<Lesson>, on: NaiveDate) {
    let kept = tokio::task::spawn_blocking(move || shelf.learn(&lessons, on)).await;
    if let Ok(Err(e)) = kept {
        tracing::warn!("the prompts of this call are not remembered: {e}");
    }
}

/// A name no other call has.
pub fn new_id() -> String {
    ulid::Ulid::new().to_string()
}

fn started(timezone: Option<chrono_tz::Tz>) -> DateTime<FixedOffset> {
    match timezone {
        Some(zone) => Utc::now().with_timezone(&zone).fixed_offset(),
        None => Local::now().fixed_offset(),
    }
}

/// Where requests go, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub host: String,
    pub port: u16,
    pub transport: Transport,
    checks: TrunkTls,
}

impl Hop {
    pub(super) fn server(server: &Server, checks: TrunkTls) -> Hop {
        Hop { host: server.host.clone(), port: server.port(), transport: server.transport, checks }
    }

    /// How its certificate is checked, where it shows one.
    pub fn tls(&self) -> Result<Option<Tls>, NotMade> {
        match self.transport {
            Transport::Udp | Transport::Tcp => Ok(None),
            Transport::Tls => Tls::towards(&self.host, &self.checks).map(Some).map_err(NotMade::Wrong),
        }
    }
}

/// Where the INVITE goes: the trunk's proxy or server, else the target's own host.
pub(super) fn next_hop(wanted: &Wanted) -> Result<Hop, NotMade> {
    if let Some(trunk) = &wanted.trunk {
        return Ok(Hop::server(trunk.first_hop(), trunk.tls.clone()));
    }
    match wanted.target.view() {
        View::Sip { secure, host, port, params, .. } => {
            let said = params.iter().find(|(name, _)| name == "transport").and_then(|(_, value)| value.as_deref());
            let transport = match said.map(|said| (said, said.parse::<Transport>())) {
                Some((said, Err(_))) => {
                    return Err(NotMade::Wrong(format!(
                        "transport={said} is not spoken; write udp, tcp or tls, or leave it out"
                    )));
                }
                // RFC 3261 §26.2.2: `sips:` is TLS, over TCP.
                Some((_, Ok(Transport::Udp))) if secure => {
                    return Err(NotMade::Wrong(
                        "sips: is TLS, which does not go over datagrams; leave ;transport=udp out".to_string(),
                    ));
                }
                _ if secure => Transport::Tls,
                Some((_, Ok(said))) => said,
                None => Transport::Udp,
            };
            let port = port.unwrap_or(transport.default_port());
            Ok(Hop { host: host.to_string(), port, transport, checks: TrunkTls::default() })
        }
        View::Tel(number) => Err(NotMade::Wrong(format!(
            "tel:{number} needs a trunk to leave by; write --trunk NAME with a trunk from _trunks.yaml, or call a SIP address"
        ))),
    }
}

pub(super) fn request_uri(wanted: &Wanted) -> String {
    match (wanted.target.view(), &wanted.trunk) {
        (View::Tel(number), Some(trunk)) => {
            let port = trunk.server.port.map(|p| format!(":{p}")).unwrap_or_default();
            // RFC 3261 §19.1.6: a telephone number inside a SIP URI.
            format!("sip:{number}@{}{port};user=phone", trunk.server.host)
        }
        _ => wanted.target.to_string(),
    }
}

/// What the INVITE passes on its way (RFC 3261 §8.1.1.1; RFC 3608 §6.1: the registrar's routes behind the proxy).
fn routes(wanted: &Wanted, service_route: Vec<String>) -> Vec<String> {
    let proxy = wanted.trunk.as_ref().and_then(|trunk| trunk.outbound_proxy.as_ref());
    proxy.map(Server::route).into_iter().chain(service_route).collect()
}

/// The probe's own, else the trunk's.
fn persona(wanted: &Wanted) -> Persona {
    let of_trunk = wanted.trunk.as_ref().map(|trunk| &trunk.persona);
    of_trunk.map_or_else(|| wanted.persona.clone(), |of_trunk| wanted.persona.or(of_trunk))
}

pub(super) fn from_user(wanted: &Wanted, credentials: Option<&(String, String)>) -> String {
    persona(wanted)
        .caller_id
        .or_else(|| credentials.map(|(user, _)| user.clone()))
        .unwrap_or_else(|| "nightbell".to_string())
}

pub(super) fn credentials(wanted: &Wanted) -> Result<Option<(String, String)>, NotMade> {
    if let Some(given) = &wanted.credentials {
        return Ok(Some(given.clone()));
    }
    let Some(trunk) = &wanted.trunk else { return Ok(None) };
    let (Some(user), Some(from)) = (&trunk.username, &trunk.password) else { return Ok(None) };
    Ok(Some((user.clone(), secret(from)?)))
}

/// A secret is read when it is needed and never kept in a value that is printed.
pub(super) fn secret(from: &PasswordFrom) -> Result<String, NotMade> {
    match from {
        PasswordFrom::Env(name) => std::env::var(name)
            .map_err(|_| NotMade::Wrong(format!("the password is to come from ${name}, which is not set"))),
        PasswordFrom::File(path) => std::fs::read_to_string(path)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_string())
            .map_err(|e| NotMade::Wrong(format!("the password is to come from {path}, which cannot be read: {e}"))),
    }
}

fn load_sounds(wanted: &Wanted) -> Result<BTreeMap<String, Arc<[i16]>>, NotMade> {
    let mut sounds = BTreeMap::new();
    for step in &wanted.steps {
        let Step::Say { file } = step else { continue };
        sounds.insert(file.clone(), telephone_sound(Path::new(file))?);
    }
    let courtesy = wanted.folder.join(COURTESY_FILE);
    if courtesy.is_file() {
        sounds.insert(COURTESY_FILE.to_string(), telephone_sound(&courtesy)?);
    }
    Ok(sounds)
}

fn telephone_sound(path: &Path) -> Result<Arc<[i16]>, NotMade> {
    let recording = super::sound::read(path).map_err(NotMade::Wrong)?;
    Ok(recording.at(SAMPLE_RATE).samples.into())
}
