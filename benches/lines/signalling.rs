//! Signalling alone: calls set up and torn down at once, as many at a time as keep the far side busy.

use super::datagrams::{loopback, processor_us};
use super::far_side::FarSide;
use nightbell::call::sip::{Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings};
use nightbell::edge::line::{Arrival, Wires};
use nightbell::vocabulary::{Moment, Seed, Transport};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Says how many calls a second, and what each costs this side.
pub fn measure(sound: &Path, threads: usize) {
    const CALLS: usize = 8_000;
    const AT_ONCE: usize = 32;
    let far = FarSide::start(sound);
    let port = far.port;
    let (before, began) = (processor_us(), Instant::now());
    let running: Vec<JoinHandle<usize>> = (0..threads)
        .map(|thread| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, async move {
                    let workers = (0..AT_ONCE).map(|worker| {
                        tokio::task::spawn_local(async move {
                            let mine = CALLS / threads / AT_ONCE;
                            let mut good = 0;
                            for n in 0..mine {
                                let seed = ((thread * AT_ONCE + worker) * mine + n) as u64;
                                good += usize::from(one(port, seed).await);
                            }
                            good
                        })
                    });
                    let workers: Vec<_> = workers.collect();
                    let mut good = 0;
                    for worker in workers {
                        good += worker.await.expect("no bug");
                    }
                    good
                })
            })
        })
        .collect();
    let good: usize = running.into_iter().map(|thread| thread.join().expect("no bug")).sum();
    let (us, took) = (processor_us() - before, began.elapsed().as_secs_f64());
    println!("\nsignalling alone: INVITE, 200, ACK, BYE, 200, each call on a socket of its own");
    println!(
        "  {good} calls of {CALLS}, {:.0} calls/s, {:.0} µs of this side's processor time per call",
        good as f64 / took,
        us / good as f64
    );
}

async fn one(port: u16, seed: u64) -> bool {
    let remote = loopback(port);
    let mut wires = Wires::towards(remote, Transport::Udp, None).await.expect("a socket");
    let settings = CallerSettings {
        target_uri: format!("sip:quick@127.0.0.1:{port}"),
        remote,
        local_sip: wires.local(),
        from_user: "bench".into(),
        from_display: None,
        credentials: None,
        user_agent: "bench".into(),
        way: Default::default(),
    };
    let mut caller = Caller::new(settings, Seed::new(seed));
    let clock = Instant::now();
    let mut out = Vec::new();
    let offer =
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n".to_vec();
    let mut input = CallerInput::Dial { offer };
    loop {
        caller.step(Moment::from_micros(clock.elapsed().as_micros() as u64), input, &mut out);
        let mut answered = false;
        for output in std::mem::take(&mut out) {
            match output {
                CallerOutput::Send { to, bytes } => wires.send(to, bytes).await.expect("it leaves"),
                CallerOutput::Event(CallerEvent::Answered { .. }) => answered = true,
                CallerOutput::Event(CallerEvent::Ended { .. } | CallerEvent::Settled) => return true,
                CallerOutput::Event(_) | CallerOutput::Permit { .. } => {}
            }
        }
        if answered {
            input = CallerInput::HangUp;
            continue;
        }
        let due = caller.deadline().map_or(Duration::from_secs(5), |at| Duration::from_micros(at.micros()));
        input = tokio::select! {
            arrival = wires.receive() => match arrival {
                Arrival::Message { from, bytes, .. } => CallerInput::Wire { from, bytes },
                _ => return false,
            },
            () = tokio::time::sleep_until((clock + due).into()) => CallerInput::Tick,
        };
    }
}
