//! How far a stream has come, which its cursor tells with every batch.

use parking_lot::Mutex;
use smongo_vm::value::DocBuf;

use super::Token;

/// Shared by the operators of a stream and its cursor.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Behind what the stream has given last, or as far as it has looked.
    current: Token,
    /// The same before the last event.
    before: Token,
    /// From where a client can go on after the last batch.
    reported: Token,
    /// How many fragments of the next event the client has had.
    fragments_had: u64,
}

impl Progress {
    /// A stream that begins behind `token`.
    pub fn new(token: Token) -> Self {
        let (current, before) = (token.clone(), token.clone());
        Self(Mutex::new(State { current, before, reported: token, fragments_had: 0 }))
    }

    /// Notes an event.
    pub fn at_event(&self, token: Token) {
        let mut state = self.0.lock();
        state.before = std::mem::replace(&mut state.current, token);
    }

    /// Notes that there is no event up to a time that has not been given.
    pub fn at_time(&self, time: u64) {
        let mut state = self.0.lock();
        if time > state.current.time {
            state.current = Token::high_water_mark(time);
        }
    }

    /// Notes that the client has had some fragments of the event that comes next.
    pub fn has_had(&self, fragments: u64) {
        self.0.lock().fragments_had = fragments;
    }

    /// How many fragments of the event at hand the client has had. They are asked for once.
    pub fn take_fragments_had(&self) -> u64 {
        std::mem::take(&mut self.0.lock().fragments_had)
    }

    /// The token of the last event.
    pub fn current(&self) -> Token {
        self.0.lock().current.clone()
    }

    /// Notes the end of a batch, which may have `refused` the last event for its size.
    pub fn end_batch(&self, refused: bool) {
        let mut state = self.0.lock();
        state.reported = if refused { state.before.clone() } else { state.current.clone() };
    }

    /// From where a client can go on after the last batch.
    pub fn resume_token(&self) -> DocBuf {
        self.0.lock().reported.document()
    }
}
