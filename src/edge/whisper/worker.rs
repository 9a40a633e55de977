//! A worker: a process of this same binary that does nothing but hear. Requests come on its standard input, replies leave
//! on its standard output, and it ends when its input does.

use super::recogniser::Recogniser;
use super::wire::{Reply, Request, read_frame, write_frame};
use crate::edge::model::ModelFiles;
use std::process::ExitCode;
use std::sync::mpsc;

/// Serves until the standard input ends.
pub fn serve(files: &ModelFiles) -> ExitCode {
    give_way();
    let mut out = std::io::stdout().lock();
    let mut recogniser = match Recogniser::new(files) {
        Ok(recogniser) => recogniser,
        Err(complaint) => {
            let _ = write_frame(&mut out, &Reply::Unfit { complaint }.bytes());
            return ExitCode::from(3);
        }
    };
    let model = files.whisper.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if write_frame(&mut out, &Reply::Ready { model }.bytes()).is_err() {
        return ExitCode::SUCCESS;
    }
    for payload in frames() {
        let reply = match Request::read(&payload) {
            Err(e) => Reply::Failed { id: 0, complaint: e.to_string() },
            Ok(request) => match recogniser.hear(&request) {
                Ok(hearing) => Reply::Heard { id: request.head.id, hearing },
                Err(complaint) => Reply::Failed { id: request.head.id, complaint },
            },
        };
        if write_frame(&mut out, &reply.bytes()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// Words may come a little later; sound may not. The process that keeps time for a call goes before those that write down
/// what it heard.
fn give_way() {
    const LESS_URGENT: i32 = 10;
    // SAFETY: nice(2) changes nothing but this process's own priority.
    unsafe { nix::libc::nice(LESS_URGENT) };
}

/// Frames from the standard input, read on a thread of its own: when the caller is gone, so are we, even in the middle of
/// a clip.
fn frames() -> mpsc::IntoIter<Vec<u8>> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(payload)) = read_frame(&mut input) {
            if send.send(payload).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    receive.into_iter()
}
