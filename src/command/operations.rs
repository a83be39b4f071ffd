//! What runs at the moment, and how it is stopped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::auth::Principal;
use crate::request::{Progress, ProgressReport};
use crate::wire::{Peer, Remote};

/// Longest command that is kept for `currentOp`, in bytes; longer ones are shown by name only.
const KEPT_COMMAND_BYTES: usize = 4096;

/// The place of one connection in the list of operations.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) connection_id: u64,
    pub(super) remote: Remote,
    interrupt: Arc<AtomicBool>,
    progress: Arc<Progress>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// The command document of the running operation; the buffer is reused.
    command: Vec<u8>,
    client: Option<DocBuf>,
    user: Option<Principal>,
}

/// The operation that a connection runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) id: u32,
    pub(super) command: &'static str,
    pub(super) since: Instant,
}

/// A look at one connection.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) connection_id: u64,
    pub(super) remote: Remote,
    pub(super) running: Option<Running>,
    pub(super) progress: Option<ProgressReport>,
    pub(super) command: DocBuf,
    pub(super) client: Option<DocBuf>,
    pub(super) user: Option<Principal>,
}

/// All connections' operations.
#[derive(Debug, Default)]
pub(super) struct Operations {
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    last_id: AtomicU64,
    opened: AtomicU64,
}

impl Operations {
    /// Lists a connection.
    pub(super) fn open(&self, peer: &Peer) -> Arc<Slot> {
        let slot = Arc::new(Slot {
            connection_id: peer.connection_id,
            remote: peer.remote,
            interrupt: Arc::new(AtomicBool::new(false)),
            progress: Arc::default(),
            state: Mutex::new(State::default()),
        });
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.slots.lock().insert(peer.connection_id, Arc::clone(&slot));
        slot
    }

    /// Forgets a connection.
    pub(super) fn close(&self, slot: &Slot) {
        self.slots.lock().remove(&slot.connection_id);
    }

    /// Connections listed now, and ever.
    pub(super) fn connections(&self) -> (usize, u64) {
        (self.slots.lock().len(), self.opened.load(Ordering::Relaxed))
    }

    /// Notes that `slot` begins a command.
    pub(super) fn begin(&self, slot: &Slot, command: &'static str, body: &RawDoc, since: Instant) {
        // Operation ids are positive int32s on the wire.
        let id = (self.last_id.fetch_add(1, Ordering::Relaxed) % u64::from(u32::MAX >> 1)) as u32 + 1;
        slot.interrupt.store(false, Ordering::Relaxed);
        slot.progress.clear();
        let mut state = slot.state.lock();
        state.running = Some(Running { id, command, since });
        state.command.clear();
        if body.as_bytes().len() <= KEPT_COMMAND_BYTES {
            state.command.extend_from_slice(body.as_bytes());
        }
    }

    /// Notes that `slot` has ended its command.
    pub(super) fn end(&self, slot: &Slot) {
        slot.state.lock().running = None;
    }

    /// Interrupts the operation with this id, if it runs.
    pub(super) fn kill(&self, id: u32) -> bool {
        let slots = self.slots.lock();
        for slot in slots.values() {
            let state = slot.state.lock();
            if state.running.is_some_and(|running| running.id == id) {
                slot.interrupt.store(true, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// Interrupts everything.
    pub(super) fn kill_all(&self) {
        for slot in self.slots.lock().values() {
            slot.interrupt.store(true, Ordering::Relaxed);
        }
    }

    /// A look at all connections, by their numbers.
    pub(super) fn snapshot(&self) -> Vec<Snapshot> {
        let mut all: Vec<Snapshot> = self.slots.lock().values().map(|slot| slot.snapshot()).collect();
        all.sort_unstable_by_key(|snapshot| snapshot.connection_id);
        all
    }
}

impl Slot {
    /// The flag that stops this connection's operation.
    pub(super) fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// Where this connection's operation says how far it is.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Notes what the client says about itself.
    pub(super) fn set_client(&self, client: &RawDoc) {
        self.state.lock().client = Some(DocBuf::from(client));
    }

    /// What the client says about itself.
    pub(super) fn client(&self) -> Option<DocBuf> {
        self.state.lock().client.clone()
    }

    /// Notes who has logged in.
    pub(super) fn set_user(&self, user: Option<&Principal>) {
        self.state.lock().user = user.cloned();
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        Snapshot {
            connection_id: self.connection_id,
            remote: self.remote,
            running: state.running,
            progress: self.progress.report(),
            command: DocBuf::from_vec(state.command.clone()).unwrap_or_default(),
            client: state.client.clone(),
            user: state.user.clone(),
        }
    }
}
