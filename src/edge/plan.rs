//! From what is wanted to a call ready to be placed: trunk, address, guard, sounds, evidence.

use super::call::{self, Around, Finished, Stop, Words, Writer};
use super::evidence::Evidence;
use super::hop::{Hop, next_hop, reachable};
use super::inbound::{Awaited, Desk};
use super::line::{Door, Shared, Sockets};
use super::permit::Permits;
use super::probes;
use super::shelf::Shelf;
use super::trunk::{Attended, Trunks};
use crate::call::sip::Place;
use crate::call::sip::expected::Expectation as Expected;
use crate::config::persona::Persona;
use crate::config::steps::HEAR_WITHIN;
use crate::config::{
    Allow, Callback, Expectation, Hotline, IfHuman, PasswordFrom, Probe, Server, Step, Transport, Trunk,
};
use crate::hearing::prompts::known::Lesson;
use crate::journey::callback::Called;
use crate::journey::{COURTESY_FILE, Journey, Settings, guard, settings};
use crate::record::call::CallFacts;
use crate::record::known_prompts::KnownPrompts;
use crate::record::tape::TapeHeader;
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Codec, Event, Lang, SAMPLE_RATE, Seed, Srtp, Taping, Target, View, limits};
use chrono::{DateTime, FixedOffset, Local, NaiveDate, Utc};
use std::collections::BTreeMap;
use std::net::SocketAddr;
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
    /// Whom a REFER names is called, where the allow list has it.
    pub follow_refer: bool,
    /// The hotline is to call back.
    pub callback: Option<Callback>,
    /// What of it is kept.
    pub tape: Taping,
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
    /// A call there that asks for nothing: as long as a call may be, heard anew, and all of it kept.
    pub fn to(target: Target) -> Wanted {
        Wanted {
            id: None,
            not_before: None,
            target,
            hotline: None,
            probe: None,
            trunk: None,
            attended: None,
            credentials: None,
            languages: Vec::new(),
            tones: None,
            ring_limit: limits::RING_MAX,
            call_limit: limits::CALL_MAX,
            steps: Vec::new(),
            folder: PathBuf::new(),
            expect: None,
            timezone: None,
            hours: None,
            goes_on_with_people: false,
            map: None,
            prompts: None,
            explore: None,
            keys: None,
            codecs: Vec::new(),
            srtp: None,
            persona: Persona::default(),
            follow_refer: false,
            callback: None,
            tape: Taping::default(),
        }
    }

    /// A probe of a file, with what is expected of it at this hour (`schedule::expectation_at`).
    pub fn by_probe(hotline: &Hotline, probe: &Probe, trunk: Option<&Trunk>, expect: Option<Expectation>) -> Wanted {
        let folder = Path::new(&hotline.file).parent().unwrap_or(Path::new("."));
        Wanted {
            hotline: Some(hotline.name.clone()),
            probe: Some(probe.name.clone()),
            trunk: trunk.cloned(),
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
            keys: probe.dtmf,
            persona: probe.persona.clone(),
            follow_refer: probe.follow_refer,
            callback: probe.callback.clone(),
            tape: probe.tape.unwrap_or_default(),
            ..Wanted::to(hotline.target.clone())
        }
    }

    /// Whether some step or expectation can only be judged by words.
    pub fn needs_words(&self) -> bool {
        let by_words = |expect: &Expectation| !expect.heard.is_empty() || !expect.not_heard.is_empty();
        self.expect.as_ref().is_some_and(by_words)
            || self.map.is_some()
            || self.explore.is_some()
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
    if wanted.callback.is_some() && !wanted.trunk.as_ref().is_some_and(Trunk::takes_calls) {
        let why = "a call back comes in by a trunk that registers or listens";
        return Err(NotMade::Wrong(format!(
            "{why}; write register: true, or listen: 5070, at the trunk that this call leaves by"
        )));
    }
    let takes_calls = |trunk: &&Trunk| trunk.register || wanted.callback.is_some();
    match wanted.trunk.as_ref().filter(takes_calls) {
        None => place(wanted, allow, hop, (Vec::new(), None), folder, writer, None, stop, watch).await,
        Some(trunk) => {
            let own = Trunks::default();
            let attended = match &wanted.attended {
                Some(attended) => Some(attended.clone()),
                None => own.of_call(trunk)?,
            };
            let name = trunk.name.clone();
            let desk = attended.as_ref().map(|attended| attended.desk.clone());
            let up = match attended {
                Some(attended) => attended.up().await,
                None => Err("nobody attends to it".to_string()),
            };
            let made = match up {
                Ok(registered) => place(wanted, allow, hop, registered, folder, writer, desk, stop, watch).await,
                // What a registrar that does not know us says to a call would be laid at the hotline's door.
                Err(why) => Err(NotMade::Ours(format!("the trunk {name} is not registered: {why}"))),
            };
            own.end().await;
            made
        }
    }
}

/// Everything that a call needs is got ready, and it is placed.
#[expect(clippy::too_many_arguments, reason = "everything a call is made with, once")]
async fn place(
    wanted: Wanted,
    allow: Option<&Allow>,
    hop: Hop,
    (service_route, registered_at): (Vec<String>, Option<SocketAddr>),
    folder: &Path,
    writer: Option<Writer>,
    desk: Option<Desk>,
    stop: &mut mpsc::Receiver<Stop>,
    watch: &mut dyn FnMut(&Event),
) -> Result<Finished, NotMade> {
    let id = wanted.id.clone().unwrap_or_else(new_id);
    let seed = seed_of(&id);
    let (transport, mut places) = match hop.locate(Seed::new(seed).fork("places")).await {
        Ok(found) => (found.transport, found.places),
        Err(e) => return Err(NotMade::Ours(format!("no address for {}: {e}", hop.host))),
    };
    // Calls of a line go by the place where it is registered, before any other.
    places.sort_by_key(|place| Some(place.address) != registered_at);
    let srtp = wanted.srtp.or(wanted.trunk.as_ref().map(|trunk| trunk.srtp)).unwrap_or_default();
    let may_be_read = wanted.trunk.as_ref().is_some_and(|trunk| trunk.srtp_without_tls) || wanted.target.is_loopback();
    if srtp != Srtp::Off && transport != Transport::Tls && !may_be_read {
        let why =
            format!("SRTP sends its keys in the signalling, and over {} everybody on the way can read them", transport);
        return Err(NotMade::Wrong(format!("{why}; use a trunk by TLS, or write srtp_without_tls: true there")));
    }
    let early = wanted.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
    let wall = started(wanted.timezone) + early;
    let sounds = load_sounds(&wanted)?;
    let map = wanted.map.as_deref().map(probes::load_map).transpose().map_err(|e| NotMade::Wrong(e.to_string()))?;
    let tls = hop.tls(transport)?;
    let remote = reachable(&mut places).await.map_err(NotMade::Ours)?;
    let sockets = Sockets::towards(remote, transport, tls).await;
    let sockets = sockets.map_err(|e| NotMade::Ours(format!("no way to {remote}: {e}")))?;
    let local_rtp = sockets.rtp.local();
    let credentials = credentials(&wanted)?;
    let ends = Ends {
        target: request_uri(&wanted),
        remote,
        places: if hop.is_written() { Vec::new() } else { places },
        local_sip: sockets.sip.local(),
        local_rtp,
        transport,
        routes: routes(&wanted, service_route),
    };
    let settings = Settings {
        callback: wanted.callback.as_ref().map(Into::into),
        map: map.map(Box::new),
        ..settings_of(&wanted, &id, wall, ends, credentials.as_ref(), srtp, writer.is_none())
    };
    let (journey, facts, evidence) = begin(&wanted, settings, wall, seed, sounds, credentials, folder)?;
    let name = wanted.hotline.clone().unwrap_or_else(|| wanted.target.to_string());
    let shelf = wanted.prompts.as_ref().map(|folder| Shelf::new(folder, &name));
    let known = known_prompts(shelf.clone()).await;
    if let Some(moment) = wanted.not_before {
        tokio::time::sleep_until(moment.into()).await;
    }
    let (news, told) = mpsc::unbounded_channel();
    // Waited for from here on: somebody may call back while this call is still up.
    let _ticket = match (&wanted.callback, desk) {
        (Some(callback), Some(desk)) => {
            let (from, code) = (callback.from.clone(), callback.code.clone());
            let expectation = Expected { call: facts.id.clone(), from, code };
            let (folder, writer, wanted) = (folder.to_path_buf(), writer.clone(), wanted.clone());
            Some(desk.expect(Awaited { expectation, wanted, folder, writer, news }).map_err(NotMade::Ours)?)
        }
        _ => None,
    };
    let permits = Permits { allow: allow.cloned(), trunk: wanted.trunk.clone(), transport, local: local_rtp.ip() };
    let around = Around { words: Words { writer, known }, permits, told };
    let finished = call::place(journey, facts, sockets, evidence, around, stop, watch).await;
    if let Some(shelf) = shelf {
        learn(shelf, finished.lessons.clone(), wall.date_naive()).await;
    }
    Ok(finished)
}

/// Answers a call to us, as the call that asked for it would have been answered. `target` is what was called, `remote` where
/// it comes from.
pub(super) async fn answer(
    wanted: &Wanted,
    called: Called,
    (target, remote): (String, SocketAddr),
    shared: Shared,
    folder: &Path,
    writer: Option<Writer>,
    stop: &mut mpsc::Receiver<Stop>,
) -> Result<Finished, NotMade> {
    let id = new_id();
    let seed = seed_of(&id);
    let steps = vec![Step::Hear { texts: Vec::new(), anything: true, within: HEAR_WITHIN }];
    let wanted = Wanted { steps, expect: None, explore: None, map: None, callback: None, ..wanted.clone() };
    let wall = started(wanted.timezone);
    let sounds = load_sounds(&wanted)?;
    let sockets = Sockets::beside(Door::Shared(shared)).await;
    let sockets = sockets.map_err(|e| NotMade::Ours(format!("no ports for the sound of a call to us: {e}")))?;
    let local_rtp = sockets.rtp.local();
    let trunk = wanted.trunk.as_ref();
    let transport = trunk.map_or(Transport::Udp, |trunk| trunk.first_hop().transport);
    let (places, routes, local_sip) = (Vec::new(), Vec::new(), sockets.sip.local());
    let ends = Ends { target, remote, places, local_sip, local_rtp, transport, routes };
    let srtp = wanted.srtp.or(trunk.map(|trunk| trunk.srtp)).unwrap_or_default();
    let settings = Settings {
        called: Some(called),
        redirects: false,
        follow_refer: false,
        ..settings_of(&wanted, &id, wall, ends, None, srtp, writer.is_none())
    };
    let (journey, facts, evidence) = begin(&wanted, settings, wall, seed, sounds, None, folder)?;
    let permits = Permits { allow: None, trunk: wanted.trunk.clone(), transport, local: local_rtp.ip() };
    let words = Words { writer, known: KnownPrompts::default() };
    let around = Around { words, permits, told: mpsc::unbounded_channel().1 };
    Ok(call::place(journey, facts, sockets, evidence, around, stop, &mut |_| {}).await)
}

/// Where a call is between.
struct Ends {
    target: String,
    remote: SocketAddr,
    places: Vec<Place>,
    local_sip: SocketAddr,
    local_rtp: SocketAddr,
    transport: Transport,
    routes: Vec<String>,
}

fn settings_of(
    wanted: &Wanted,
    id: &str,
    wall: DateTime<FixedOffset>,
    ends: Ends,
    credentials: Option<&(String, String)>,
    srtp: Srtp,
    deaf: bool,
) -> Settings {
    let of_trunk = wanted.trunk.as_ref().map(|trunk| trunk.codecs.clone()).unwrap_or_default();
    let codecs = [wanted.codecs.clone(), of_trunk, settings::offered_codecs(wanted.tones.as_deref())];
    let codecs = codecs.into_iter().find(|codecs| !codecs.is_empty()).unwrap_or_default();
    let persona = persona(wanted);
    Settings {
        target: ends.target,
        remote: ends.remote,
        places: ends.places,
        local_sip: ends.local_sip,
        local_rtp: ends.local_rtp,
        transport: ends.transport,
        routes: ends.routes,
        seen_as: None,
        from_user: from_user(wanted, credentials),
        from_display: persona.caller_name.clone(),
        asserted: persona.asserted_identity.clone(),
        anonymous: persona.anonymous == Some(true),
        redirects: true,
        follow_refer: wanted.follow_refer,
        callback: None,
        called: None,
        username: credentials.map(|(user, _)| user.clone()),
        trunk: wanted.trunk.as_ref().map(|t| t.name.clone()),
        hotline: wanted.hotline.clone(),
        probe: wanted.probe.clone(),
        id: id.to_string(),
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
        deaf,
        map: None,
        explore: wanted.explore.clone().map(Box::new),
    }
}

/// The tape is opened, and the caller stands ready.
fn begin(
    wanted: &Wanted,
    settings: Settings,
    wall: DateTime<FixedOffset>,
    seed: u64,
    sounds: BTreeMap<String, Arc<[i16]>>,
    credentials: Option<(String, String)>,
    folder: &Path,
) -> Result<(Journey, CallFacts, Evidence), NotMade> {
    let shown = wall.to_rfc3339_opts(chrono::SecondsFormat::Micros, false);
    let value = serde_json::to_value(&settings).map_err(|e| NotMade::Ours(e.to_string()))?;
    let header = TapeHeader::new(seed, shown.clone(), settings.target.clone(), value);
    let header = TapeHeader { kept: (!wanted.tape.keeps_sound()).then_some(wanted.tape), ..header };
    let loaded: Vec<(String, Arc<[i16]>)> =
        sounds.iter().map(|(name, samples)| (name.clone(), samples.clone())).collect();
    let evidence = Evidence::open(folder, &settings.id, &header, &loaded).map_err(|e| {
        NotMade::Ours(format!("no call without its evidence: {} cannot be written: {e}", folder.display()))
    })?;
    let facts = CallFacts {
        id: settings.id.clone(),
        hotline: wanted.hotline.clone(),
        probe: wanted.probe.clone(),
        target: settings.target.clone(),
        asked_by: settings.called.as_ref().and_then(|called| called.asked_by.clone()),
        started: shown,
        call_id: None,
        evidence: Default::default(),
    };
    let password = credentials.map(|(_, password)| password);
    let journey = Journey::new(settings, password, sounds, &Seed::new(seed)).map_err(NotMade::Wrong)?;
    Ok((journey, facts, evidence))
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

/// A call's chance, from its id.
fn seed_of(id: &str) -> u64 {
    u64::from_str_radix(&crate::record::tape::sha256_hex(id.as_bytes())[..16], 16).unwrap_or(1)
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

pub(super) fn request_uri(wanted: &Wanted) -> String {
    target_uri(&wanted.target, wanted.trunk.as_ref())
}

/// The Request-URI of a target that leaves by this trunk.
pub(super) fn target_uri(target: &Target, trunk: Option<&Trunk>) -> String {
    match (target.view(), trunk) {
        (View::Tel(number), Some(trunk)) => {
            let port = trunk.server.port.map(|p| format!(":{p}")).unwrap_or_default();
            // RFC 3261 §19.1.6: a telephone number inside a SIP URI.
            format!("sip:{number}@{}{port};user=phone", trunk.server.host)
        }
        _ => target.to_string(),
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
