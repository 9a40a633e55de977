//! The sound of a call: both sides at their moments, and playable whenever it breaks off.

use nightbell::record::wav::{CallWav, Side};
use nightbell::vocabulary::{FRAME_SAMPLES, Frame, Moment, Seed};
use std::cell::RefCell;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::rc::Rc;

/// A file that can be looked at while it is written, and that is full at some point.
#[derive(Clone)]
struct Disk {
    file: Rc<RefCell<Cursor<Vec<u8>>>>,
    room: u64,
}

impl Disk {
    fn new(room: u64) -> Disk {
        Disk { file: Rc::default(), room }
    }

    fn read(&self) -> (Vec<i16>, Vec<i16>) {
        let bytes = self.file.borrow().get_ref().clone();
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).expect("a readable WAV");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
        let samples: Vec<i16> = reader.samples::<i16>().map_while(Result::ok).collect();
        samples.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.borrow_mut();
        if file.position() + bytes.len() as u64 > self.room {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.borrow_mut().seek(to)
    }
}

fn frame(value: i16) -> Frame {
    Frame { samples: [value; FRAME_SAMPLES], lost: false }
}

/// Sample number of a moment.
fn at(millis: u64) -> usize {
    millis as usize * 8
}

#[test]
fn second_12_3_of_the_file_is_moment_12_3_of_the_tape() {
    let disk = Disk::new(u64::MAX);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    // They are heard from 4.4 s on, with a hole; we press something at 9.9 s.
    for i in 0..400u64 {
        if i != 100 {
            wav.frame(Side::Them, Moment::from_millis(4_400 + i * 20), &frame(100)).unwrap();
        }
        if (275..281).contains(&i) {
            wav.frame(Side::Us, Moment::from_millis(4_400 + i * 20), &frame(-200)).unwrap();
        }
    }
    wav.finish().unwrap();
    let (them, us) = disk.read();
    assert_eq!(them.len(), at(12_400));
    assert_eq!((them[at(4_400) - 1], them[at(4_400)]), (0, 100));
    assert_eq!((them[at(6_400) - 1], them[at(6_400)], them[at(6_420)]), (100, 0, 100), "a hole is silence");
    assert_eq!((us[at(9_900) - 1], us[at(9_900)], us[at(10_020) - 1], us[at(10_020)]), (0, -200, -200, 0));
}

#[test]
fn frames_that_wobble_by_a_few_milliseconds_follow_each_other_without_clicks() {
    let disk = Disk::new(u64::MAX);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    let mut seed = Seed::new(3);
    for i in 0..200u64 {
        let moment = Moment::from_micros(1_000_000 + i * 20_000 + seed.below(8_000));
        wav.frame(Side::Them, moment, &frame(5)).unwrap();
    }
    wav.finish().unwrap();
    let (them, _) = disk.read();
    let first = them.iter().position(|&s| s == 5).unwrap();
    let last = them.iter().rposition(|&s| s == 5).unwrap();
    assert!(them[first..=last].iter().all(|&s| s == 5), "no gap inside");
    assert_eq!(last - first + 1, 200 * FRAME_SAMPLES);
}

#[test]
fn a_call_that_breaks_off_leaves_a_file_that_plays_to_the_last_second() {
    let disk = Disk::new(u64::MAX);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    for i in 0..500u64 {
        wav.frame(Side::Them, Moment::from_millis(i * 20), &frame(9)).unwrap();
        wav.frame(Side::Us, Moment::from_millis(i * 20), &frame(1)).unwrap();
        if i > 50 {
            let (them, _) = disk.read();
            assert!(them.len() + 8_000 + FRAME_SAMPLES >= i as usize * FRAME_SAMPLES, "frame {i}: {}", them.len());
        }
    }
    // The process dies here: no finish, not even a drop.
    std::mem::forget(wav);
    let (them, us) = disk.read();
    assert!(them.len() >= at(9_000) && them.iter().all(|&s| s == 9) && us.iter().all(|&s| s == 1));
}

#[test]
fn a_full_disk_leaves_a_file_that_plays() {
    let disk = Disk::new(100_000);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    let failed =
        (0..500u64).find_map(|i| wav.frame(Side::Them, Moment::from_millis(i * 20), &frame(9)).err().map(|_| i));
    assert!(failed.is_some(), "a full disk is said");
    drop(wav);
    let (them, _) = disk.read();
    assert!(them.len() >= 16_000 && them.iter().all(|&s| s == 9), "{}", them.len());
}

#[test]
fn one_silent_side_does_not_hold_back_the_other() {
    let disk = Disk::new(u64::MAX);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    for i in 0..1_000u64 {
        wav.frame(Side::Us, Moment::from_millis(i * 20), &frame(3)).unwrap();
    }
    let (_, us) = disk.read();
    assert!(us.len() >= at(18_000), "written while the call goes on: {}", us.len());
    // Late sound of the other side misses what is written and does not move what follows.
    wav.frame(Side::Them, Moment::from_millis(1_000), &frame(7)).unwrap();
    wav.frame(Side::Them, Moment::from_millis(19_900), &frame(8)).unwrap();
    wav.finish().unwrap();
    let (them, us) = disk.read();
    assert_eq!(us.len(), at(20_000));
    assert!(!them.contains(&7));
    assert_eq!((them[at(19_900) - 1], them[at(19_900)], them[at(19_920) - 1], them[at(19_920)]), (0, 8, 8, 0));
}

#[test]
fn a_moment_out_of_all_bounds_fills_no_disk() {
    let disk = Disk::new(u64::MAX);
    let mut wav = CallWav::begin(disk.clone()).unwrap();
    wav.frame(Side::Them, Moment::from_micros(u64::MAX), &frame(7)).unwrap();
    wav.frame(Side::Them, Moment::from_millis(20), &frame(7)).unwrap();
    wav.finish().unwrap();
    assert_eq!(disk.read().0.len(), at(40));
}
