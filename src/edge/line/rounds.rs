//! The rounds of one thread: every call of the thread is visited each 20 ms, in a slot of a millisecond of its own, so
//! that its packets leave evenly and those of many calls are spread. One timer wakes the thread for all of them.

use crate::vocabulary::limits::LINES_OF_A_THREAD_MAX;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// What is visited.
pub trait Visited: Send + Sync {
    /// Does what is due, and says when it wants to be visited next; None: not any more.
    fn visit(&self, now: Instant) -> Option<Instant>;
}

/// Microseconds of a slot.
const SLOT_US: u64 = 1_000;

/// The rounds of this thread. They last as long as the runtime that was there when the first call came.
#[derive(Clone)]
pub struct Rounds(Arc<Shared>);

struct Shared {
    origin: Instant,
    /// The same moment by the clock that timers are set by.
    origin_ns: u64,
    book: Mutex<Book>,
    changed: Notify,
}

#[derive(Default)]
struct Book {
    /// By slot, and in it by the order of coming.
    visits: BTreeMap<(u64, u64), Arc<dyn Visited>>,
    seats: usize,
    came: u64,
    over: bool,
}

/// A place in the rounds, given back when it is dropped.
pub struct Seat {
    shared: Arc<Shared>,
    number: u64,
}

thread_local! {
    static HERE: RefCell<Weak<Shared>> = const { RefCell::new(Weak::new()) };
}

impl Rounds {
    /// Those of this thread and its runtime.
    pub fn here() -> std::io::Result<Rounds> {
        let there = HERE.with_borrow(Weak::upgrade).filter(|shared| !shared.book().over);
        if let Some(shared) = there {
            return Ok(Rounds(shared));
        }
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        // SAFETY: the timer owns its descriptor, which stays open and the same until it is dropped.
        let timer = unsafe { AsyncFd::register_with_interest(Timer(timer), Interest::READABLE) }?;
        let (origin, clock) = (Instant::now(), clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?);
        let origin_ns = clock.tv_sec() as u64 * 1_000_000_000 + clock.tv_nsec() as u64;
        let shared = Arc::new(Shared { origin, origin_ns, book: Mutex::default(), changed: Notify::new() });
        HERE.set(Arc::downgrade(&shared));
        tokio::spawn(go(Walk(shared.clone()), timer));
        Ok(Rounds(shared))
    }

    /// A place for one more call; the error says that there are enough of them.
    pub fn seat(&self) -> Result<Seat, String> {
        let mut book = self.0.book();
        if book.seats >= LINES_OF_A_THREAD_MAX {
            return Err(format!("{} calls are up on this core, and it carries no more", book.seats));
        }
        book.seats += 1;
        book.came += 1;
        Ok(Seat { shared: self.0.clone(), number: book.came })
    }
}

impl Seat {
    /// From now on this is visited, at once for the first time.
    pub fn take(&self, visited: Arc<dyn Visited>) {
        let slot = self.shared.slot(Instant::now());
        self.shared.book().visits.insert((slot, self.number), visited);
        self.shared.changed.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut book = self.shared.book();
        book.seats -= 1;
        book.visits.retain(|(_, number), _| *number != self.number);
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first slot that does not begin before `at`.
    fn slot(&self, at: Instant) -> u64 {
        (at.saturating_duration_since(self.origin).as_micros() as u64).div_ceil(SLOT_US)
    }

    fn begins(&self, slot: u64) -> Instant {
        self.origin + Duration::from_micros(slot * SLOT_US)
    }

    /// The first one of a slot that has begun.
    fn due(&self, now: Instant) -> Option<(u64, Arc<dyn Visited>)> {
        let mut book = self.book();
        let entry = book.visits.first_entry()?;
        let (slot, number) = *entry.key();
        (self.begins(slot) <= now).then(|| (number, entry.remove()))
    }
}

/// Its end is the end of the rounds: the runtime is gone.
struct Walk(Arc<Shared>);

impl Drop for Walk {
    fn drop(&mut self) {
        let visits = {
            let mut book = self.0.book();
            book.over = true;
            std::mem::take(&mut book.visits)
        };
        drop(visits);
    }
}

struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

async fn go(walk: Walk, timer: AsyncFd<Timer>) {
    let shared = &walk.0;
    loop {
        let first = shared.book().visits.first_key_value().map(|((slot, _), _)| *slot);
        let Some(slot) = first else {
            shared.changed.notified().await;
            continue;
        };
        if shared.begins(slot) > Instant::now() {
            let at = Duration::from_nanos(shared.origin_ns) + Duration::from_micros(slot * SLOT_US);
            let expiration = Expiration::OneShot(TimeSpec::from_duration(at));
            if timer.get_ref().0.set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME).is_err() {
                tokio::time::sleep(Duration::from_micros(SLOT_US)).await;
            } else {
                tokio::select! {
                    Ok(mut ready) = timer.readable() => {
                        let _ = timer.get_ref().0.wait();
                        ready.clear_ready();
                    }
                    () = shared.changed.notified() => continue,
                }
            }
        }
        // Each call once at most: signalling has its turn between rounds, however late they are.
        let now = Instant::now();
        while let Some((number, visited)) = shared.due(now) {
            if let Some(next) = visited.visit(Instant::now()) {
                let slot = shared.slot(next);
                shared.book().visits.insert((slot, number), visited);
            }
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Wants to be visited every so often, some times.
    struct Guest {
        every: Duration,
        times: AtomicU32,
        came: Mutex<Vec<Instant>>,
    }

    impl Guest {
        fn new(every_ms: u64, times: u32) -> Arc<Guest> {
            let every = Duration::from_millis(every_ms);
            Arc::new(Guest { every, times: AtomicU32::new(times), came: Mutex::default() })
        }
    }

    impl Visited for Guest {
        fn visit(&self, now: Instant) -> Option<Instant> {
            self.came.lock().unwrap().push(now);
            let more = self.times.fetch_sub(1, Ordering::Relaxed) > 1;
            more.then_some(now + self.every)
        }
    }

    fn on_a_thread(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test);
    }

    #[test]
    fn everybody_is_visited_when_they_want_and_nobody_before() {
        on_a_thread(async {
            let rounds = Rounds::here().unwrap();
            let guests = [Guest::new(20, 4), Guest::new(20, 4), Guest::new(7, 9)];
            let seats: Vec<Seat> = guests.iter().map(|_| rounds.seat().unwrap()).collect();
            for (seat, guest) in seats.iter().zip(&guests) {
                seat.take(guest.clone());
            }
            while guests.iter().any(|guest| guest.times.load(Ordering::Relaxed) > 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            for guest in &guests {
                let came = guest.came.lock().unwrap();
                assert!(came.windows(2).all(|pair| pair[1] - pair[0] >= guest.every), "{came:?}");
            }
            // Whoever has gone is not visited, and leaves room.
            let gone = Guest::new(1, 1_000_000);
            let seat = rounds.seat().unwrap();
            seat.take(gone.clone());
            drop(seat);
            let before = gone.came.lock().unwrap().len();
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert_eq!(gone.came.lock().unwrap().len(), before);
        });
    }

    #[test]
    fn there_is_room_for_so_many_and_a_new_runtime_has_new_rounds() {
        on_a_thread(async {
            let rounds = Rounds::here().unwrap();
            let seats: Vec<Seat> = (0..LINES_OF_A_THREAD_MAX).map(|_| rounds.seat().unwrap()).collect();
            let refused = Rounds::here().unwrap().seat().err().unwrap();
            assert!(refused.contains("carries no more"), "{refused}");
            drop(seats);
            assert!(rounds.seat().is_ok());
        });
        on_a_thread(async {
            let guest = Guest::new(1, 2);
            let seat = Rounds::here().unwrap().seat().unwrap();
            seat.take(guest.clone());
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(guest.came.lock().unwrap().len(), 2);
        });
    }
}
