//! The table of all marks: name, what reaches it, and which suite needs it how much.
//!
//! It observes nothing. The invariant it guards: one line a mark, and no mark without a line.

use super::Need::{self, Never, Rare, Required};

/// What the table says of a mark.
pub(super) struct Facts {
    name: &'static str,
    sentence: &'static str,
    pub(super) disk: Need,
    pub(super) store: Need,
    pub(super) saga: Need,
    pub(super) orders: Need,
}

macro_rules! marks {
    ($($mark:ident $name:literal $disk:ident $store:ident $saga:ident $orders:ident
       $sentence:literal)*) => {
        /// Something that seeds have to meet now and then.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(clippy::exhaustive_enums, reason = "made by the suites")]
        pub enum Mark {
            $(#[doc = $sentence] $mark,)*
        }

        impl Mark {
            /// Every mark, in the order of the table.
            pub const ALL: [Self; [$(Self::$mark),*].len()] = [$(Self::$mark),*];

            pub(super) const fn facts(self) -> Facts {
                match self {
                    $(Self::$mark => {
                        Facts {
                            name: $name,
                            sentence: $sentence,
                            disk: $disk,
                            store: $store,
                            saga: $saga,
                            orders: $orders,
                        }
                    })*
                }
            }
        }
    };
}

impl Mark {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What reaches it.
    pub const fn sentence(self) -> &'static str {
        self.facts().sentence
    }
}

// The first column of needs is the disk suite's, the second the store suite's, the third the saga
// suite's, the fourth the orders suite's. Required is what at least ten in a thousand seeds were
// seen to reach.
marks! {
    Created "created" Required Required Required Required "An opening made a new store."
    RowA "row-a" Required Rare Rare Rare
        "An opening refused: a later group calls the missing one durable."
    RowB "row-b" Rare Rare Rare Rare
        "An opening refused: a group landed in a place that is not its own."
    RowC "row-c" Required Rare Rare Rare
        "An opening refused: a group that the superblock promised is gone."
    RowD "row-d" Rare Rare Rare Rare "An opening refused: the log does not reach the next segment."
    RowE "row-e" Required Rare Rare Rare
        "An opening refused: unreadable blocks may hide acknowledged groups."
    RowF "row-f" Rare Rare Rare Rare "An opening refused: the unreadable block may be acknowledged."
    RowG "row-g" Required Required Required Required
        "An opening went on where the log had been closed in order."
    RowH "row-h" Required Rare Rare Rare
        "An opening went on behind a full segment that had been closed in order."
    RowI "row-i" Rare Rare Rare Rare
        "An opening went on: the unreadable lies beyond the proven end."
    RowJ "row-j" Rare Rare Rare Rare
        "An opening went on: the unreadable block lies beyond the proven end."
    RowK "row-k" Required Required Required Required
        "An opening went on: nothing was written behind the last group."
    RowL "row-l" Required Rare Rare Rare "An opening discarded a write that had been in flight."
    RowM "row-m" Required Required Rare Required
        "An opening discarded writes that had landed out of order."
    RecoveryClean "recovery-clean" Required Required Required Required
        "An opening found a store that was closed in order."
    RecoveryDiscards "recovery-discards" Required Required Required Required
        "An opening left bytes of writes in flight behind."
    RecoveryRewrites "recovery-rewrites" Required Required Required Required
        "An opening wrote groups again that nothing proved."
    CheckpointUsed "checkpoint-used" Required Required Required Required
        "An opening took the table of segments from a checkpoint."
    WarnsOfSlot "warns-of-slot" Required Rare Rare Rare
        "An opening warned that one superblock slot is damaged."
    WarnsOfOutdated "warns-of-outdated" Rare Rare Rare Rare
        "An opening warned that the superblock is older than the log."
    WarnsOfCheckpoint "warns-of-checkpoint" Required Rare Rare Rare
        "An opening warned that the checkpoint is unusable."
    OpenLocked "open-locked" Required Required Rare Rare
        "An opening was refused by a lock that is held."
    OpenSuperblockDamaged "open-superblock-damaged" Rare Rare Rare Rare
        "An opening was refused: both superblock slots are damaged."
    OpenIdentityLost "open-identity-lost" Rare Rare Rare Rare
        "An opening was refused: both superblock slots are damaged, and nothing names the store."
    OpenSegmentMissing "open-segment-missing" Rare Rare Rare Rare
        "An opening was refused: a segment is missing."
    OpenSegmentDamaged "open-segment-damaged" Required Rare Rare Rare
        "An opening was refused: the header of a segment is damaged."
    OpenForeignFile "open-foreign-file" Rare Rare Rare Rare
        "An opening was refused: a file belongs to no store or another."
    OpenNotAStore "open-not-a-store" Rare Rare Rare Rare
        "An opening was refused: there is no store."
    OpenIo "open-io" Required Required Required Required "An opening was refused by the disk."
    FaultStall "fault-stall" Required Required Required Required "An operation took long."
    FaultReadError "fault-read-error" Required Required Required Required "A read failed."
    FaultWriteError "fault-write-error" Required Required Rare Rare "A write failed."
    FaultSyncError "fault-sync-error" Required Required Rare Rare
        "A sync failed, and its pages were called clean."
    FaultDirectorySyncError "fault-directory-sync-error" Required Required Rare Rare
        "A sync of the directory failed."
    FaultMetadataError "fault-metadata-error" Required Required Required Required
        "An operation on a file's metadata failed."
    FaultShortRead "fault-short-read" Required Required Required Required "A read returned less."
    FaultShortWrite "fault-short-write" Required Required Required Required "A write took less."
    FaultNoSpace "fault-no-space" Required Required Required Required "The disk was full."
    FaultTooManyFiles "fault-too-many-files" Required Required Required Required
        "No file descriptor was left."
    FaultAccessDenied "fault-access-denied" Required Required Required Required
        "Permission was denied."
    FaultReadOnly "fault-read-only" Required Required Required Required
        "The file system went read-only."
    FaultBitRot "fault-bit-rot" Required Required Never Never "A durable bit flipped."
    FaultZeroedSector "fault-zeroed-sector" Required Required Never Never
        "A durable sector turned to zeros."
    FaultLatentError "fault-latent-error" Required Required Never Never
        "A durable sector could not be read any more."
    FaultMisdirectedWrite "fault-misdirected-write" Required Required Never Never
        "A write landed elsewhere."
    FaultMisdirectedRead "fault-misdirected-read" Required Required Never Never
        "A read returned what stands elsewhere."
    FaultLostWrite "fault-lost-write" Required Required Never Never
        "A write stayed in the cache and was never durable."
    FaultVanishedWrite "fault-vanished-write" Required Required Never Never
        "A write had no effect at all."
    FaultLyingSync "fault-lying-sync" Required Required Never Never
        "A sync made nothing durable and said otherwise."
    FaultUnlinkReturns "fault-unlink-returns" Rare Required Never Never
        "A removed file was to come back."
    FaultLockSurvives "fault-lock-survives" Required Required Rare Rare
        "A dead process held its lock."
    FaultDirectoryMoved "fault-directory-moved" Required Never Never Never
        "Somebody moved the directory of an open log away."
    CrashOfProcess "crash-of-process" Required Required Required Required
        "The process died and the cache survived."
    CrashOfPower "crash-of-power" Required Required Required Required "The power went."
    CrashInOpen "crash-in-open" Required Required Required Required
        "A life was cut short while it opened."
    CrashInOpenAgain "crash-in-open-again" Required Required Required Required
        "A life was cut short while it opened, and so was the one before."
    CrashInCreation "crash-in-creation" Required Required Required Required
        "A life was cut short while it made a store."
    CrashInCopies "crash-in-copies" Required Required Required Required
        "A life was cut short while a recovery wrote to the log."
    CrashInSeal "crash-in-seal" Required Rare Required Required
        "A life was cut short around a write to the end of a segment."
    CrashInRoll "crash-in-roll" Required Required Required Required
        "A life was cut short while it prepared a segment."
    CrashInSuperblock "crash-in-superblock" Required Required Required Required
        "A life was cut short between a superblock's write and its sync."
    CrashInCheckpoint "crash-in-checkpoint" Required Required Required Required
        "A life was cut short while it wrote a checkpoint."
    CrashInIndexCreate "crash-in-index-create" Never Required Rare Rare
        "A life was cut short when it had created a file of the index."
    CrashInIndexWrite "crash-in-index-write" Never Required Required Required
        "A life was cut short when it had written into a file of the index."
    CrashInIndexSync "crash-in-index-sync" Never Required Required Required
        "A life was cut short when a file of the index had been made durable."
    CrashInIndexRemoval "crash-in-index-removal" Never Required Rare Rare
        "A life was cut short when it had removed a file of the index."
    CrashInCheckpointRename "crash-in-checkpoint-rename" Required Required Required Required
        "A life was cut short when a checkpoint had got its name."
    CrashInDirectorySync "crash-in-directory-sync" Required Required Required Required
        "A life was cut short before changes of names were made durable."
    CrashInRemoval "crash-in-removal" Required Rare Rare Rare
        "A life was cut short when it had removed a segment."
    CrashInRetention "crash-in-retention" Required Never Never Never
        "A life was cut short while it gave up old segments."
    Acknowledged "acknowledged" Required Required Never Never "An append was acknowledged."
    Replayed "replayed" Never Required Never Never
        "An append was acknowledged that had been stored before."
    AppendConflict "append-conflict" Never Required Never Never
        "An append was refused by its guards."
    AppendPartlyCommitted "append-partly-committed" Never Required Never Never
        "An append was refused: some of it stands there already."
    AppendKeyReused "append-key-reused" Never Required Never Never
        "An append was refused: its key belongs to another."
    AppendFenced "append-fenced" Never Required Never Never "An append was refused by a fence."
    AppendLimit "append-limit" Required Required Never Never
        "An append was refused: it is too large."
    AppendQuery "append-query" Never Required Never Never
        "An append was refused: the query of a guard is not answered."
    AppendOverloaded "append-overloaded" Required Rare Never Never
        "An append was refused by a full queue."
    AppendStorageFull "append-storage-full" Required Rare Never Never
        "An append was refused by a full disk."
    AppendUnprepared "append-unprepared" Required Rare Never Never
        "An append was refused: no segment or index could be prepared."
    AppendRead "append-read" Never Required Never Never
        "An append was refused: what it depends on could not be read."
    AppendUnknown "append-unknown" Required Required Never Never
        "An append was left unknown by a failed write or sync."
    AppendPoisoned "append-poisoned" Required Required Never Never
        "An append was refused after an earlier failure."
    AppendDisplaced "append-displaced" Required Never Never Never
        "An append was refused after files were taken away."
    AppendClosed "append-closed" Required Required Never Never
        "An append was refused by a closed store."
    UnknownAndThere "unknown-and-there" Required Required Never Never
        "An append of unknown outcome was there later."
    UnknownAndGone "unknown-and-gone" Required Required Never Never
        "An append of unknown outcome was not there later."
    CancelledAndThere "cancelled-and-there" Required Required Never Never
        "An append whose caller gave up was there later."
    CancelledAndGone "cancelled-and-gone" Required Required Never Never
        "An append whose caller gave up was not there later."
    IndexRebuilt "index-rebuilt" Never Required Rare Rare
        "An opening made files of the index from the log."
    IndexMended "index-mended" Never Required Rare Rare
        "An opening mended an index that was damaged while nobody looked."
    IndexWritten "index-written" Never Required Rare Rare "A life wrote a file of the index."
    IndexMerged "index-merged" Never Required Rare Rare "A life merged files of the index."
    OpenGivenUp "open-given-up" Required Required Required Required
        "An opening was given up halfway."
    CloseGivenUp "close-given-up" Required Required Required Required
        "A closing was given up halfway."
    Reopened "reopened" Required Required Required Required
        "A process closed its store and opened it again."
    OtherSizes "other-sizes" Required Required Required Required
        "A life had other options than the plan says."
    Paused "paused" Required Required Required Required "The process stood still for a while."
    ClockForward "clock-forward" Required Required Required Required
        "The wall clock jumped forward."
    ClockBack "clock-back" Required Required Required Required "The wall clock jumped back."
    Healed "healed" Required Required Required Required
        "A healed world was opened, used and closed."
    CallDone "call-done" Never Never Required Required "A participant did what it was asked."
    CallRefused "call-refused" Never Never Required Required "A participant refused."
    CallBusy "call-busy" Never Never Required Rare "A participant had no time."
    CallFenced "call-fenced" Never Never Required Rare "A participant had seen a newer executor."
    CallTooLate "call-too-late" Never Never Required Rare
        "An action met the tombstone of its compensation."
    CallNotDelivered "call-not-delivered" Never Never Required Required
        "A call was certainly not delivered."
    CallUnknown "call-unknown" Never Never Required Required "Nobody knows what became of a call."
    RequestLost "request-lost" Never Never Required Required "A request was lost, or late."
    RequestLate "request-late" Never Never Required Required "A request was late."
    RequestTwice "request-twice" Never Never Required Required "A request arrived twice."
    AnswerLost "answer-lost" Never Never Required Required "An answer was lost."
    AnswerLate "answer-late" Never Never Required Required "An answer was late."
    LinkCut "link-cut" Never Never Required Required "A link was cut."
    ParticipantDied "participant-died" Never Never Required Required
        "A participant died and came back."
    SagaStarted "saga-started" Never Never Required Required "A saga was started."
    SagaCompleted "saga-completed" Never Never Required Required "A saga completed."
    AbortRejected "abort-rejected" Never Never Required Required
        "A saga was aborted: a step said no."
    AbortFailed "abort-failed" Never Never Required Rare
        "A saga was aborted: a step failed, or an operator ended it."
    AbortCancelled "abort-cancelled" Never Never Required Required
        "A saga was aborted: somebody cancelled it."
    AbortDeadline "abort-deadline" Never Never Required Never
        "A saga was aborted: its time was over."
    SagaStuck "saga-stuck" Never Never Required Rare "A saga was stuck."
    SagaWaiting "saga-waiting" Never Never Required Never "A saga waited for its definition."
    SagaCancelled "saga-cancelled" Never Never Required Required "A cancellation was taken."
    StartConflict "start-conflict" Never Never Required Never
        "A start was refused: another saga has its name."
    StepPanicked "step-panicked" Never Never Required Never "A step panicked."
    OperatorRetried "operator-retried" Never Never Required Rare
        "An operator had a stuck saga tried again."
    OperatorSkipped "operator-skipped" Never Never Rare Never "An operator left a stuck step."
    OperatorEnded "operator-ended" Never Never Required Never
        "An operator ended a stuck saga as it was."
    ExecutorFenced "executor-fenced" Never Never Required Required
        "An executor was told that another one has taken over."
    OrderSold "order-sold" Never Never Never Required "An order was sold."
    OrderRejected "order-rejected" Never Never Never Required
        "An order was rejected: it breaks a rule of the shop."
    OrderCancelled "order-cancelled" Never Never Never Required
        "An order was cancelled, by a service or by somebody."
    OrderUntouched "order-untouched" Never Never Never Rare
        "An order was cancelled before the first step of its saga, and stays as it came in."
    PaidBack "paid-back" Never Never Never Required "An order was paid, and paid back."
    ParcelStopped "parcel-stopped" Never Never Never Required "A parcel was sent, and stopped."
    ReturnMatched "return-matched" Never Never Never Required
        "A return was about pieces that were sold."
    ReturnUnmatched "return-unmatched" Never Never Never Required
        "A return was about pieces that were not."
    ReturnBesideOrder "return-beside-order" Never Never Never Required
        "A return was started while an order of its customer ran."
    WriteOffDone "write-off-done" Never Never Never Required "Pieces were written off."
    WriteOffCancelled "write-off-cancelled" Never Never Never Required
        "A write-off was larger than the stock."
    ChargeUnknown "charge-unknown" Never Never Never Required
        "It was unknown whether a charge had happened, and then it had."
    TakenInAgain "taken-in-again" Never Never Never Required
        "Documents were taken in once more under their key."
    StartedLate "started-late" Never Never Never Required
        "The saga of a document was started when its client was gone."
}
