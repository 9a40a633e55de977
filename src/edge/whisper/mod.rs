//! The pool of workers: clips in, hearings out. A worker is a process of this same binary, so that a crash in native
//! code ends nobody's call; a clip whose worker died or hung is heard once more by a fresh one.

#[cfg(feature = "whisper")]
mod bias;
#[cfg(feature = "whisper")]
pub mod recogniser;
pub mod wire;
#[cfg(feature = "whisper")]
pub mod worker;

use super::model::ModelFiles;
use crate::hearing::words::RawHearing;
use crate::vocabulary::{Lang, limits};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;
use wire::{Reply, Request, RequestHead};

/// Loading a model from a slow disk.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The longest a clip may take, whatever its length, and for each second of sound: many times the usual.
const CLIP_LIMIT: Duration = Duration::from_secs(20);
const CLIP_LIMIT_PER_S: Duration = Duration::from_secs(6);

/// Why a clip has no words. Always our own fault, never the hotline's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    #[error("the speech worker cannot start: {0}")]
    Unfit(String),
    #[error("the speech worker died twice on the same clip ({0})")]
    Died(String),
    #[error("the speech worker could not hear the clip: {0}")]
    Failed(String),
    #[error("too many clips are waiting to be heard")]
    Full,
    #[error("a clip of {0} s is longer than any that is heard")]
    TooLong(u32),
    #[error("the speech workers have been stopped")]
    Stopped,
}

/// How workers are started.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub workers: usize,
    /// Clips that may wait, over all calls.
    pub waiting_max: usize,
    /// Added to what a clip may take; shorter in tests.
    pub clip_limit: Duration,
    pub start_limit: Duration,
}

impl PoolSettings {
    /// Workers of this binary with this model: as many as are asked for, and no more than there are cores.
    pub fn of_this_binary(model: &ModelFiles, workers: usize) -> io::Result<PoolSettings> {
        Ok(PoolSettings::of_binary(std::env::current_exe()?, model, workers))
    }

    /// The same of another `nightbell`.
    pub fn of_binary(program: PathBuf, model: &ModelFiles, workers: usize) -> PoolSettings {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        PoolSettings {
            program,
            arguments: vec![
                "hear-worker".into(),
                "--model".into(),
                model.whisper.clone().into(),
                "--gate".into(),
                model.gate.clone().into(),
            ],
            workers: workers.clamp(1, cores),
            waiting_max: limits::CLIPS_WAITING_MAX,
            clip_limit: CLIP_LIMIT,
            start_limit: START_LIMIT,
        }
    }
}

/// A sound to be written down in words.
#[derive(Clone, Debug)]
pub struct Sound {
    pub samples: Arc<[i16]>,
    /// 8000 or 16000 samples a second.
    pub rate: u32,
    /// The languages it may be, the likeliest first (the one heard last in this call).
    pub langs: Vec<Lang>,
}

type Answer = Result<RawHearing, WorkerError>;

struct Job {
    sound: Sound,
    answer: oneshot::Sender<Answer>,
}

/// Workers, and the queue before them. Cloned freely; the workers end when the last clone is gone.
#[derive(Clone)]
pub struct WhisperPool {
    jobs: mpsc::Sender<Job>,
}

impl WhisperPool {
    /// Starts no process yet: each worker starts with its first clip, or with `warm`. Needs a tokio runtime.
    pub fn new(settings: PoolSettings) -> WhisperPool {
        let (jobs, waiting) = mpsc::channel(settings.waiting_max.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..settings.workers.max(1) {
            tokio::spawn(work(settings.clone(), Arc::clone(&waiting)));
        }
        WhisperPool { jobs }
    }

    /// A pool over the model in the cache (or named by `NIGHTBELL_MODEL`), with as many workers as asked for.
    pub fn of_this_binary(wanted_model: Option<&str>, workers: usize) -> Result<WhisperPool, String> {
        let model = super::model::find(wanted_model)?;
        Ok(WhisperPool::new(PoolSettings::of_this_binary(&model, workers).map_err(|e| e.to_string())?))
    }

    /// The words of a sound. Waits its turn; when too many wait already, says so at once.
    pub async fn hear(&self, sound: Sound) -> Answer {
        let seconds = sound.samples.len() as u64 / u64::from(sound.rate.max(1));
        if seconds > limits::CLIP_MS_MAX / 1000 + 2 {
            return Err(WorkerError::TooLong(seconds as u32));
        }
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job { sound, answer }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => WorkerError::Full,
            mpsc::error::TrySendError::Closed(_) => WorkerError::Stopped,
        })?;
        answered.await.unwrap_or(Err(WorkerError::Stopped))
    }

    /// The words of a clip of telephone sound.
    pub async fn transcribe(&self, samples: Arc<[i16]>, langs: &[Lang]) -> Answer {
        self.hear(Sound { samples, rate: crate::vocabulary::SAMPLE_RATE, langs: langs.to_vec() }).await
    }

    /// Loads the model before the first call needs it, and says early when it cannot be.
    pub async fn warm(&self) -> Result<(), WorkerError> {
        let silence = vec![0i16; 1600];
        self.transcribe(silence.into(), &[Lang::En]).await.map(|_| ())
    }
}

/// One worker's life: takes jobs, keeps a process, replaces it when it dies.
async fn work(settings: PoolSettings, waiting: Arc<Mutex<mpsc::Receiver<Job>>>) {
    let mut process: Option<Process> = None;
    let mut next_id = 1;
    loop {
        let job = waiting.lock().await.recv().await;
        let Some(job) = job else { return };
        let mut answer = Err(WorkerError::Stopped);
        for attempt in 0..2 {
            let id = next_id;
            next_id += 1;
            match heard(&settings, &mut process, &job.sound, id).await {
                Ok(hearing) => {
                    answer = Ok(hearing);
                    break;
                }
                Err(Trouble::Final(error)) => {
                    answer = Err(error);
                    break;
                }
                Err(Trouble::Died(why)) => {
                    tracing::warn!(attempt, why, "a speech worker died; a fresh one takes the clip");
                    process = None;
                    answer = Err(WorkerError::Died(why));
                }
            }
        }
        let _ = job.answer.send(answer);
    }
}

enum Trouble {
    /// Trying again may help.
    Died(String),
    Final(WorkerError),
}

async fn heard(
    settings: &PoolSettings,
    slot: &mut Option<Process>,
    sound: &Sound,
    id: u64,
) -> Result<RawHearing, Trouble> {
    let process = match slot {
        Some(process) => process,
        None => slot.insert(Process::start(settings).await?),
    };
    let head = RequestHead { id, rate: sound.rate, langs: sound.langs.clone() };
    let request = Request { head, samples: sound.samples.to_vec() };
    let seconds = sound.samples.len() as u32 / sound.rate.max(1);
    let limit = settings.clip_limit + CLIP_LIMIT_PER_S * seconds;
    let reply = timeout(limit, process.ask(&request)).await;
    match reply {
        Err(_) => Err(Trouble::Died(format!("no answer within {} s", limit.as_secs()))),
        Ok(Err(e)) => Err(Trouble::Died(process.epitaph(&e).await)),
        Ok(Ok(Reply::Heard { id: answered, hearing })) if answered == id => Ok(hearing),
        Ok(Ok(Reply::Failed { id: answered, complaint })) if answered == id => {
            Err(Trouble::Final(WorkerError::Failed(complaint)))
        }
        Ok(Ok(other)) => Err(Trouble::Died(format!("an answer to something else: {other:?}"))),
    }
}

/// A running worker. Dropping it kills it.
struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Process {
    async fn start(settings: &PoolSettings) -> Result<Process, Trouble> {
        let unfit = |why: String| Trouble::Final(WorkerError::Unfit(why));
        let mut command = Command::new(&settings.program);
        command.args(&settings.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.kill_on_drop(true);
        // A group of its own: Ctrl-C is for the caller, who still wants the last clip's words.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|e| unfit(format!("{}: {e}", settings.program.display())))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unfit("its standard streams are missing".into()));
        };
        let mut process = Process { child, input, output };
        match timeout(settings.start_limit, process.reply()).await {
            Ok(Ok(Reply::Ready { model })) => {
                tracing::debug!(model, "a speech worker is ready");
                Ok(process)
            }
            Ok(Ok(Reply::Unfit { complaint })) => Err(unfit(complaint)),
            Ok(Ok(other)) => Err(unfit(format!("a strange greeting: {other:?}"))),
            Ok(Err(e)) => Err(Trouble::Died(process.epitaph(&e).await)),
            Err(_) => Err(Trouble::Died(format!("not ready within {} s", settings.start_limit.as_secs()))),
        }
    }

    async fn ask(&mut self, request: &Request) -> io::Result<Reply> {
        self.input.write_all(&request.bytes()).await?;
        self.input.flush().await?;
        self.reply().await
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let mut length = [0; 4];
        self.output.read_exact(&mut length).await?;
        let mut payload = vec![0; wire::frame_length(length)?];
        self.output.read_exact(&mut payload).await?;
        Reply::read(&payload)
    }

    /// How it died, for people.
    async fn epitaph(&mut self, error: &io::Error) -> String {
        match timeout(Duration::from_millis(500), self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A pool whose workers are a shell script; `$D` is `folder`, which holds the frames it may send.
    fn pool(folder: &Path, script: &str) -> WhisperPool {
        let keep = |name: &str, reply: Reply| std::fs::write(folder.join(name), reply.bytes()).unwrap();
        keep("ready", Reply::Ready { model: "pretended".into() });
        keep("unfit", Reply::Unfit { complaint: "no such model".into() });
        for id in 1..=2 {
            let hearing = RawHearing { audio_s: id as f32, ..RawHearing::default() };
            keep(&format!("heard{id}"), Reply::Heard { id, hearing });
        }
        WhisperPool::new(PoolSettings {
            program: "sh".into(),
            arguments: vec!["-c".into(), format!("D={}; {script}", folder.display()).into()],
            workers: 1,
            waiting_max: 1,
            clip_limit: Duration::from_millis(600),
            start_limit: Duration::from_secs(10),
        })
    }

    async fn hear(pool: &WhisperPool) -> Answer {
        pool.transcribe(vec![0; 400].into(), &[Lang::En]).await
    }

    #[tokio::test]
    async fn a_clip_whose_worker_died_is_heard_once_more_by_a_fresh_one() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "cat $D/ready; if [ -e $D/again ]; then cat $D/heard2; sleep 5; else touch $D/again; kill -SEGV $$; fi";
        assert_eq!(hear(&pool(folder.path(), script)).await.map(|h| h.audio_s), Ok(2.0));
    }

    #[tokio::test]
    async fn a_clip_that_kills_two_workers_or_hangs_them_is_our_fault_and_an_answer() {
        for (script, said) in [
            ("cat $D/ready; head -c 9 >$D/eaten; kill -SEGV $$", "signal"),
            ("cat $D/ready; exit 7", "7"),
            ("cat $D/ready; exec sleep 30", "no answer within"),
            ("exit 1", "1"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            match hear(&pool(folder.path(), script)).await {
                Err(WorkerError::Died(why)) => assert!(why.contains(said), "{script}: {why}"),
                other => panic!("{script}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_worker_that_cannot_load_its_model_says_so_and_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let answer = hear(&pool(folder.path(), "cat $D/unfit; exit 3")).await;
        assert_eq!(answer, Err(WorkerError::Unfit("no such model".into())));
    }

    #[tokio::test]
    async fn too_many_waiting_clips_are_refused_at_once_and_the_next_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(folder.path(), "cat $D/ready; sleep 0.3; cat $D/heard1; sleep 0.1; cat $D/heard2; sleep 5");
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { hear(&pool).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { hear(&pool).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(hear(&pool).await, Err(WorkerError::Full));
        assert_eq!(first.await.unwrap().map(|h| h.audio_s), Ok(1.0));
        assert_eq!(second.await.unwrap().map(|h| h.audio_s), Ok(2.0));
        let long = pool.transcribe(vec![0; 8000 * 40].into(), &[Lang::En]).await;
        assert_eq!(long, Err(WorkerError::TooLong(40)));
    }
}
