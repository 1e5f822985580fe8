//! The fault model, sentence by sentence: one named test for each thing the disk's prose says.

mod crashes;
mod evidence;
mod faults;
mod records;

use std::io;

use sagalog::runtime::OpenMode;

use super::{Fault, FaultKind, FileHandle, Operation, SimDisk};

/// A disk with the durable file `log` that holds `bytes`, open for writing.
fn disk_with(bytes: &[u8]) -> (SimDisk, FileHandle) {
    let mut disk = SimDisk::new();
    disk.add_file("log", bytes);
    let file = reopen(&mut disk);
    (disk, file)
}

fn reopen(disk: &mut SimDisk) -> FileHandle {
    disk.open("log", OpenMode::ReadWrite).result.expect("log is there")
}

fn write(disk: &mut SimDisk, file: FileHandle, offset: u64, bytes: &[u8]) {
    let taken = disk.write(file, offset, bytes).result.expect("the write succeeds");
    assert_eq!(taken, bytes.len());
}

fn sync(disk: &mut SimDisk, file: FileHandle) {
    disk.sync(file).result.expect("the sync succeeds");
}

fn read(disk: &mut SimDisk, file: FileHandle, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0xEE; bytes];
    let count = disk.read(file, offset, &mut buffer).result?;
    buffer.truncate(count);
    Ok(buffer)
}

/// Plans `kind` for the next `operation`.
fn plan(disk: &mut SimDisk, kind: FaultKind, amount: u64, operation: Operation) {
    disk.schedule(Fault::at_nth(kind, amount, operation, 1, ""));
}

/// A power failure that drops everything unsynced.
fn lose_all(disk: &mut SimDisk) -> FileHandle {
    *disk = disk.power_failure_image(0);
    reopen(disk)
}

fn eio<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.expect_err("EIO was planned").raw_os_error(), Some(5));
}

fn atlas(disk: &SimDisk) -> Vec<String> {
    disk.damage().iter().map(ToString::to_string).collect()
}
