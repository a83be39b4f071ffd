//! The receiving side of a connection: bytes from the socket, cut into frames.
//!
//! The buffer grows with the bytes that arrive, never with the length that a header claims, is reused for every
//! message, and is given back after an unusually large one.

use std::io::{self, Read};

use super::frame::{HEADER_BYTES, Header};

/// Size of the buffer while messages are small, in bytes.
const SMALL_BYTES: usize = 16 * 1024;

/// Largest buffer that is kept between messages, in bytes.
pub(super) const KEEP_BYTES: usize = 1024 * 1024;

/// Bytes received and not yet handled.
pub(super) struct Inbound {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Length of the frame given out last, dropped by the next call.
    given: usize,
}

impl Inbound {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; SMALL_BYTES], start: 0, end: 0, given: 0 }
    }

    /// The next complete frame, or `None` when the peer closed between two frames. A frame whose length is illegal,
    /// and a close in the middle of one, are errors.
    pub(super) fn next_frame(&mut self, stream: &mut impl Read) -> io::Result<Option<&[u8]>> {
        self.drop_given();
        loop {
            let pending = &self.bytes[self.start..self.end];
            let mut needed = HEADER_BYTES;
            if let Some(header) = pending.first_chunk() {
                needed = Header::parse(header)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?
                    .length;
                if pending.len() >= needed {
                    self.given = needed;
                    return Ok(Some(&self.bytes[self.start..self.start + needed]));
                }
            }
            self.make_room(needed);
            let received = match stream.read(&mut self.bytes[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if received == 0 {
                return if self.start == self.end { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            self.end += received;
        }
    }

    fn drop_given(&mut self) {
        self.start += std::mem::take(&mut self.given);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.bytes.len() > KEEP_BYTES {
                self.bytes = vec![0; SMALL_BYTES];
            }
        }
    }

    /// Makes place for at least one more byte of a frame of `needed` bytes that begins at `start`.
    fn make_room(&mut self, needed: usize) {
        if self.start > 0 && self.start + needed > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            let grown = (self.bytes.len() * 2).min(needed.max(SMALL_BYTES));
            self.bytes.resize(grown, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, fill: u8) -> Vec<u8> {
        let mut bytes = vec![fill; length];
        super::super::frame::seal(&mut bytes, 1, 0, 2013);
        bytes
    }

    /// Gives its bytes in pieces of a fixed size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(into.len());
            into[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn frames_survive_any_cut() {
        let sizes = [16, 17, 40_000, 21, 3_000_000, 16];
        let stream: Vec<u8> = sizes.iter().enumerate().flat_map(|(i, &size)| frame(size, i as u8)).collect();
        for piece in [1, 7, 16, 1000, 65_536, usize::MAX] {
            if piece == 1 && cfg!(debug_assertions) {
                continue;
            }
            let mut inbound = Inbound::new();
            let mut source = Pieces(&stream, piece);
            for (i, &size) in sizes.iter().enumerate() {
                let got = inbound.next_frame(&mut source).unwrap().unwrap();
                assert_eq!(got, frame(size, i as u8), "piece {piece}, frame {i}");
            }
            assert!(inbound.next_frame(&mut source).unwrap().is_none());
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut bytes = frame(1000, 0);
        bytes[..4].copy_from_slice(&48_000_000_i32.to_le_bytes());
        let mut inbound = Inbound::new();
        let error = inbound.next_frame(&mut Pieces(&bytes, usize::MAX)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(inbound.bytes.len(), SMALL_BYTES);
    }

    #[test]
    fn big_buffers_are_given_back() {
        let stream: Vec<u8> = [frame(4_000_000, 1), frame(16, 2)].concat();
        let mut inbound = Inbound::new();
        let mut source = Pieces(&stream, 4_000_000);
        assert_eq!(inbound.next_frame(&mut source).unwrap().unwrap().len(), 4_000_000);
        assert_eq!(inbound.next_frame(&mut source).unwrap().unwrap().len(), 16);
        assert!(inbound.next_frame(&mut source).unwrap().is_none());
        assert!(inbound.bytes.len() <= KEEP_BYTES);
    }
}
