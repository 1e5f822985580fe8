//! Actors of the stories: a store to look at, the binary that looks, and a hand that damages.

use sagalog::{Commit, Log, Options};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// A run of the binary that has ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let lines = self.out.lines();
        lines.map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
    }

    /// That the command said one sentence about `dir` and nothing else.
    pub(crate) fn assert_refused(&self, code: i32, sentence: &str) {
        assert_eq!(self.err, format!("sagalog: {sentence}\n"));
        assert_eq!((self.code, self.out.as_str()), (code, ""));
    }
}

pub(crate) fn sagalog(arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_sagalog")).args(arguments).output();
    let Output { status, stdout, stderr } = output.expect("the binary runs");
    Run {
        code: status.code().expect("it is not killed"),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build();
    timers.expect("a runtime").block_on(future)
}

/// Small segments, so that a small log has many.
pub(crate) fn small() -> Options {
    Options::default().segment_bytes(16 << 10).group_bytes_max(4 << 10)
}

pub(crate) fn body(number: u64) -> String {
    format!("commit number {number:04}, with some text to make it longer than a frame")
}

/// A directory with a store of `commits` commits of one position each, closed in order.
pub(crate) struct Store {
    dir: TempDir,
}

impl Store {
    pub(crate) fn with(commits: u64) -> Self {
        let store = Self { dir: tempfile::tempdir().expect("a scratch directory") };
        block_on(async {
            let (log, _) = Log::open(store.path(), small()).await.expect("opens");
            for number in 0..commits {
                let commit = Commit::new(body(number));
                log.append(commit).await.expect("durable");
            }
            log.close().await.expect("closes");
        });
        store
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn name(&self) -> &str {
        self.path().to_str().expect("a plain path")
    }

    /// Turns over one bit of the byte at `offset` of `file`.
    pub(crate) fn flip(&self, file: &str, offset: usize) {
        let path = self.path().join(file);
        let mut bytes = fs::read(&path).expect("readable");
        bytes[offset] ^= 0x10;
        fs::write(&path, bytes).expect("writable");
    }

    /// Damages the body of commit `number`; returns the file and the offset.
    pub(crate) fn damage_commit(&self, number: u64) -> (String, usize) {
        let wanted = body(number);
        for (name, bytes) in image(self.path()) {
            let found = bytes.windows(wanted.len()).position(|window| window == wanted.as_bytes());
            if let Some(offset) = found {
                self.flip(&name, offset);
                return (name, offset);
            }
        }
        panic!("commit {number} is nowhere")
    }

    /// Makes both superblock slots those of format 3.
    pub(crate) fn make_newer(&self) {
        let path = self.path().join("STORE");
        let mut bytes = fs::read(&path).expect("readable");
        for slot in [0, 4096] {
            let block = &mut bytes[slot..slot + 512];
            block[8..12].copy_from_slice(&3_u32.to_le_bytes());
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&block[..12]);
            hasher.update(&block[16..]);
            block[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
        }
        fs::write(&path, bytes).expect("writable");
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        let names = image(self.path()).into_keys();
        names.filter(|name| name.starts_with("log-")).collect()
    }
}

/// Every file of a directory with its bytes.
pub(crate) fn image(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.is_file())
        .map(|path: PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("readable"))
        })
        .collect()
}
