//! Compressed input, as `gzip` itself reads it: one member after the other, and zeros behind the
//! last one, which tapes and block devices leave there.

use flate2::bufread::GzDecoder;
use std::{
    io::{self, BufRead, Read},
    mem,
};

/// Unpacks all members of a file.
pub(crate) struct Unpacked<R>(State<R>);

enum State<R> {
    Within(GzDecoder<R>),
    /// Nothing follows.
    Ended,
}

impl<R: BufRead> Unpacked<R> {
    pub(crate) fn new(packed: R) -> Self {
        Self(State::Within(GzDecoder::new(packed)))
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let State::Within(member) = &mut self.0 {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let State::Within(member) = mem::replace(&mut self.0, State::Ended) {
                let mut packed = member.into_inner();
                if skip_zeros(&mut packed)? {
                    self.0 = State::Within(GzDecoder::new(packed));
                }
            }
        }
        Ok(0)
    }
}

/// Whether anything but zeros follows; goes on to it.
fn skip_zeros(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros < bytes.len() || zeros == 0 {
            let more = !bytes.is_empty();
            packed.consume(zeros);
            return Ok(more);
        }
        packed.consume(zeros);
    }
}
