//! The hard ceilings. Every bound of a call stands here; no file and no flag can raise one.

use std::time::Duration;

/// Longest call, ringing included.
pub const CALL_MAX: Duration = Duration::from_secs(30 * 60);
/// Most calls that one planned call may have come to by being passed on.
pub const CALLS_OF_A_PLAN_MAX: i64 = 64;
/// Longest time a hotline may ring.
pub const RING_MAX: Duration = Duration::from_secs(180);
/// Most keys in one call.
pub const KEYS_MAX: usize = 64;
/// Most recordings waiting to be said in one call.
pub const SAYINGS_WAITING_MAX: usize = 64;
/// Longest clip handed to transcription, and the longest a clip waits for a pause.
pub const CLIP_MS_MAX: u64 = 28_000;
/// Clips of one call that may wait for transcription.
pub const CLIPS_WAITING_MAX: usize = 32;
/// Longest SIP message read from the wire.
pub const SIP_MESSAGE_BYTES_MAX: usize = 65_535;
/// Longest SIP request that leaves as a datagram; a longer one leaves over a stream (RFC 3261 §18.1.1).
pub const SIP_DATAGRAM_BYTES_MAX: usize = 1_300;
/// Messages that wait for a stream to take them; a far side that reads no more is cut off.
pub const SIP_STREAM_QUEUE_MAX: usize = 64;
/// Connections that one call or trunk keeps at once.
pub const SIP_STREAMS_MAX: usize = 16;
/// A connection of somebody we do not know is closed when no message came by it in this time, or none since then.
pub const SIP_STRANGER_FIRST_MAX: Duration = Duration::from_secs(32);
pub const SIP_STRANGER_IDLE_MAX: Duration = Duration::from_secs(600);
/// Places that one request is tried at, one after the other (RFC 3263 §4.3).
pub const SIP_PLACES_MAX: usize = 8;
/// Longest search for a name's places; what has not answered by then is not there.
pub const NAMES_TIME_MAX: Duration = Duration::from_secs(15);
/// INVITEs of one call that go to another target because the one before said so (3xx).
pub const SIP_REDIRECTS_MAX: usize = 5;
/// Longest time in which it is found out whether another target may be called, and where it is.
pub const PERMIT_TIME_MAX: Duration = Duration::from_secs(18);
/// Longest time in which a call back may come, and most incoming calls that one trunk answers at once.
pub const CALLBACK_WITHIN_MAX: Duration = Duration::from_secs(3_600);
pub const CALLBACKS_AT_ONCE_MAX: usize = 8;
/// Calls back that are waited for on one trunk, and numbers that one may come from.
pub const CALLBACKS_AWAITED_MAX: usize = 256;
pub const CALLBACK_NUMBERS_MAX: usize = 16;
/// Incoming calls of which a trunk keeps a line of the log in a minute; the others are counted.
pub const INBOUND_LOGGED_MAX: u32 = 10;
/// Addresses and networks that a trunk may name as sources of calls to us.
pub const SOURCES_MAX: usize = 64;
/// Name servers that a file of trunks may name.
pub const NAME_SERVERS_MAX: usize = 8;
/// Most headers in one SIP message.
pub const SIP_HEADERS_MAX: usize = 256;
/// A trunk is asked whether it is still there no more often and no more seldom than this.
pub const KEEP_ALIVE_MIN: Duration = Duration::from_secs(5);
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(3_600);
/// SIP transactions of one kind that one dialog keeps.
pub const SIP_TRANSACTIONS_MAX: usize = 32;
/// Forks of one INVITE that are told apart.
pub const SIP_FORKS_MAX: usize = 16;
/// Most steps in one probe.
pub const STEPS_MAX: usize = 128;
/// Longest file users write that we read.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;
/// A person who answered is left within this time.
pub const HUMAN_COURTESY_MAX: Duration = Duration::from_secs(10);
/// Longest line of a tape's body.
pub const TAPE_ENTRY_BYTES_MAX: usize = 4 << 20;
/// Longest tape: ten times the longest call's. A far side that floods us ends its call, not our disk.
pub const TAPE_BYTES_MAX: u64 = 256 << 20;
/// Most calls to one hotline in an hour, on a day, at once; most calls on one trunk at once.
pub const CALLS_PER_HOUR_MAX: u32 = 60;
pub const MINUTES_PER_DAY_MAX: u32 = 720;
pub const CONCURRENT_MAX: u32 = 10;
pub const TRUNK_CALLS_MAX: u32 = 2_000;
/// Most calls that one core's thread carries at once: beyond that, none of them would be measured as it should.
pub const LINES_OF_A_THREAD_MAX: usize = 2_000;
/// Longest random window behind a scheduled moment.
pub const WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);
/// Most probes in one hotline file, and most test texts.
pub const PROBES_MAX: usize = 64;
/// What the web server takes: connections at once, of one address, a request's head, its body.
pub const WEB_CONNECTIONS_MAX: usize = 512;
pub const WEB_CONNECTIONS_OF_ONE_MAX: usize = 64;
pub const WEB_HEAD_BYTES_MAX: usize = 32 << 10;
pub const WEB_BODY_BYTES_MAX: usize = 1 << 20;
/// Longest a request's head may take to come, a request to be answered, and an answer to be taken.
pub const WEB_HEAD_TIME_MAX: Duration = Duration::from_secs(20);
pub const WEB_ANSWER_TIME_MAX: Duration = Duration::from_secs(150);
pub const WEB_STALL_MAX: Duration = Duration::from_secs(20);
/// Longest the last answers may take when the server stops.
pub const WEB_FAREWELL_MAX: Duration = Duration::from_secs(5);
/// Costliest password hash: some four seconds of one core.
pub const BCRYPT_COST_MAX: u32 = 16;
/// Calls and pings of `/probe` at once, and the longest of them.
pub const WEB_PROBES_MAX: usize = 16;
pub const WEB_PROBE_TIME_MAX: Duration = Duration::from_secs(120);
/// Alerts of one webhook that are looked at.
pub const WEB_ALERTS_MAX: usize = 1_000;
/// Most calls to one hotline on a day and in a month, most minutes in an hour and in a month.
pub const CALLS_PER_DAY_MAX: u32 = 24 * CALLS_PER_HOUR_MAX;
pub const CALLS_PER_MONTH_MAX: u32 = 31 * CALLS_PER_DAY_MAX;
pub const MINUTES_PER_HOUR_MAX: u32 = 300;
pub const MINUTES_PER_MONTH_MAX: u32 = 31 * MINUTES_PER_DAY_MAX;
/// Most calls, minutes and money that a trunk or the whole watch may use in a month.
pub const SHARED_USE_MAX: u32 = 100_000_000;
/// Shortest time between two moments of a schedule.
pub const EVERY_MIN: Duration = Duration::from_secs(60);
/// Longest rate, and longest stretch around a change of shift.
pub const EVERY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
pub const SHIFT_STRETCH_MAX: Duration = Duration::from_secs(4 * 3600);
/// Most rules in one schedule, and most changes of shift in a day.
pub const RULES_MAX: usize = 16;
/// Longest wait for the line, longest gap between two calls.
pub const WAIT_MAX: Duration = Duration::from_secs(3600);
/// Most confirming calls, and the latest they may come.
pub const CONFIRM_CALLS_MAX: u32 = 5;
pub const CONFIRM_AFTER_MAX: Duration = Duration::from_secs(3600);
/// Longest time at the faster rate after a failure.
pub const FASTER_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Calls waiting for one hotline's line.
pub const WAITING_MAX: usize = 256;
/// Norms a monthly report compares with.
pub const NORMS_MAX: usize = 20;
/// Most days a user's calendar may list, and most cases an expectation may have.
pub const CALENDAR_DAYS_MAX: usize = 2_000;
pub const CASES_MAX: usize = 32;
/// Longest time after which something kept is deleted by itself; what is to stay longer stays for good.
pub const KEPT_MAX: Duration = Duration::from_secs(3_660 * 24 * 3600);
/// Places of one map, and hearings kept of each.
pub const MAP_PLACES_MAX: usize = 2_000;
/// Of one mapping by the watch.
pub const MAPPING_CALLS_MAX: u32 = 200;
pub const MAPPING_KEYS_MAX: u32 = 4_000;
pub const MAPPING_TIME_MAX: Duration = Duration::from_secs(6 * 3600);
pub const MAPPING_WITHIN_MAX: Duration = Duration::from_secs(12 * 3600);
pub const MAP_HEARINGS_MAX: usize = 5;
/// Most prompts that are known of one hotline.
pub const PROMPTS_MAX: usize = 512;
/// Longest file of known prompts: a minute of prompts is some 150 kB.
pub const PROMPTS_BYTES_MAX: u64 = 64 << 20;
