//! Evidence: what intact bytes prove to a store that reads them, whatever else was damaged.
//!
//! It knows neither frames nor commits: only that a store writes its log in order, so that a later
//! write that is intact proves every earlier one, be it damaged or not. The invariant it guards:
//! it proves too little rather than too much. A write counts as intact only if every byte of it
//! can be read as it was written, no scar of the atlas touches it, and its file has a name that
//! was not lost. What a file began with counts only if the header before it, which was promised
//! with it, can be read too: a crash may keep the one without the other, and then nobody was told.

use std::{collections::VecDeque, mem, ops::Range, sync::Arc};

use super::{SimDisk, content::to_index, directory::InodeId, trace::digest};

/// Writes that are remembered: if all of them are damaged, nothing is proven.
const WRITES_MAX: usize = 1_024;

/// Which writes prove something: those of the log, behind the header that is written in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the oracle's setting, known as a whole")]
pub struct Evidence {
    /// How the names of the log's files start.
    pub prefix: String,
    /// Where in each of them the log begins, in bytes.
    pub from_offset: u64,
}

/// One write of the log.
#[derive(Clone, Debug)]
struct Written {
    op: u64,
    inode: InodeId,
    file: Arc<str>,
    range: Range<u64>,
    digest: u64,
    /// The operation that promised it durable.
    synced: Option<u64>,
}

/// The writes of one disk, oldest first, if anybody has asked for evidence.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    evidence: Option<Evidence>,
    writes: VecDeque<Written>,
    /// How many of them were promised to nobody yet. They are among the newest, mostly.
    waiting: usize,
    /// Operations before the incarnation began.
    began: u64,
    /// The least that was proven to this incarnation, and to those before it that nobody judged.
    proven: u64,
    /// Somebody has judged by it what this incarnation shows.
    judged: bool,
    /// What this incarnation was shown something else in place of.
    misread: Vec<(InodeId, Range<u64>)>,
}

impl SimDisk {
    /// Remembers from here on what `evidence` speaks of.
    pub fn set_evidence(&mut self, evidence: Evidence) {
        self.witness = Witness { evidence: Some(evidence), proven: u64::MAX, ..Witness::default() };
    }

    /// What the intact bytes of the log prove now: everything acknowledged before the operation
    /// with this number. It is the sync of the next write after the newest intact one; `u64::MAX`
    /// if the newest is intact, 0 if none is. Only synced writes count, those of a lying sync too.
    pub fn proven_through(&self) -> u64 {
        self.proven_before(u64::MAX)
    }

    /// What was [proven](Self::proven_through) to this incarnation, by writes before it, in the
    /// worst moment since it began: a store that opened and has less than that, without a word,
    /// is wrong. What it writes itself proves nothing of what it had to find.
    ///
    /// A store that could not know better may have given something up in an incarnation that ended
    /// before anybody looked. What it wrote then is intact to the next one and proves nothing of
    /// what was given up. So incarnations count together until one of them is
    /// [judged](Self::life_judged).
    pub fn proven_to_life(&self) -> u64 {
        self.witness.proven
    }

    /// Whatever this incarnation does not show is accounted for: the next one answers for itself.
    pub fn life_judged(&mut self) {
        self.witness.judged = true;
    }

    /// The file `id` took `bytes` at `offset`.
    pub(super) fn witness_write(&mut self, id: InodeId, offset: u64, bytes: &[u8]) {
        let Some(Evidence { prefix, from_offset }) = &self.witness.evidence else {
            return;
        };
        let file = &self.inode(id).name;
        let skipped = from_offset.saturating_sub(offset).min(bytes.len() as u64);
        let bytes = &bytes[to_index(skipped)..];
        if !file.starts_with(prefix.as_str()) || bytes.iter().all(|byte| *byte == 0) {
            return;
        }
        let start = offset + skipped;
        let written = Written {
            op: self.ops,
            inode: id,
            file: Arc::clone(file),
            range: start..start + bytes.len() as u64,
            digest: digest(bytes),
            synced: None,
        };
        let writes = &mut self.witness.writes;
        if writes.len() == WRITES_MAX
            && let Some(oldest) = writes.pop_front()
        {
            self.witness.waiting -= usize::from(oldest.synced.is_none());
        }
        writes.push_back(written);
        self.witness.waiting += 1;
    }

    /// The file `id` was promised durable.
    pub(super) fn witness_sync(&mut self, id: InodeId) {
        let Witness { writes, waiting, .. } = &mut self.witness;
        let mut unseen = *waiting;
        for written in writes.iter_mut().rev() {
            if unseen == 0 {
                break;
            }
            if written.synced.is_none() {
                unseen -= 1;
                if written.inode == id {
                    written.synced = Some(self.ops);
                    *waiting -= 1;
                }
            }
        }
    }

    /// A read of `range` showed something else.
    pub(super) fn witness_misread(&mut self, id: InodeId, range: Range<u64>) {
        self.witness.misread.push((id, range));
    }

    /// Bytes may have been damaged behind the back of this incarnation.
    pub(super) fn witness_damage(&mut self) {
        self.witness.proven = self.witness.proven.min(self.proven_before(self.witness.began));
    }

    /// Another incarnation begins. What was not synced was promised to nobody.
    pub(super) fn witness_crash(&mut self) {
        self.witness.misread.clear();
        self.witness.writes.retain(|written| written.synced.is_some());
        self.witness.waiting = 0;
        self.witness.began = self.ops;
        let proven = self.proven_through();
        let judged = mem::take(&mut self.witness.judged);
        self.witness.proven = if judged { proven } else { proven.min(self.witness.proven) };
    }

    /// What the writes up to operation `op` prove.
    fn proven_before(&self, op: u64) -> u64 {
        let mut next = u64::MAX;
        for written in self.witness.writes.iter().rev().filter(|written| written.op <= op) {
            let Some(synced) = written.synced else {
                continue;
            };
            if self.is_intact(written) {
                return next;
            }
            next = next.min(synced);
        }
        0
    }

    fn is_intact(&self, written: &Written) -> bool {
        let Written { inode: id, range, .. } = written;
        let Some(inode) = self.inodes.get(id) else {
            return false;
        };
        let mut bytes = vec![0; to_index(range.end - range.start)];
        range.end <= inode.cached.length
            && self.has_kept_its_name(written)
            && (self.is_header_intact(written) || !self.begins_its_file(written))
            && !self.is_harmed(*id, range)
            && inode.read(range.start, &mut bytes)
            && digest(&bytes) == written.digest
    }

    /// Whether a part of `range` is damaged, or was shown as something else.
    fn is_harmed(&self, id: InodeId, range: &Range<u64>) -> bool {
        let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
        let mut scars = self.inode(id).scars.iter();
        let mut misread = self.witness.misread.iter();
        scars.any(|(scar, _)| overlaps(scar))
            || misread.any(|(file, shown)| *file == id && overlaps(shown))
    }

    fn is_header_intact(&self, written: &Written) -> bool {
        let header = self.witness.evidence.as_ref().map_or(0, |evidence| evidence.from_offset);
        !self.is_harmed(written.inode, &(0..header))
    }

    /// Whether it was promised with the first write to the file of this name.
    fn begins_its_file(&self, written: &Written) -> bool {
        let Written { inode, file, synced, .. } = written;
        let mut writes = self.witness.writes.iter();
        let first = writes.find(|first| first.inode == *inode && first.file == *file);
        first.is_some_and(|first| first.synced == *synced)
    }

    /// Whether the file can be found, under the name it had or another one.
    fn has_kept_its_name(&self, written: &Written) -> bool {
        let is_lost = |name: &Arc<str>| self.lost_names.iter().any(|lost| lost.file == *name);
        let mut names = self.directory.cached.iter();
        let name = names.find(|(_, inode)| **inode == written.inode).map(|(name, _)| name);
        name.is_some_and(|name| !is_lost(name)) && !is_lost(&written.file)
    }
}
