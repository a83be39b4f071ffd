//! PCRE2 behind a safe interface: compiled patterns, and searches with a limit on steps and on where a match may begin.
//!
//! It knows nothing of MongoDB. What a search needs besides the pattern (offsets, the stack of compiled patterns, limits)
//! is kept once for a thread.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use pcre2_sys as sys;

/// Deepest nesting of backtracking points in the interpreter, in levels. PCRE2's default is the number of steps.
const MAX_MATCH_DEPTH: u32 = 1_000_000;

/// Most memory for backtracking in the interpreter, in KiB. PCRE2's default is 20 GB.
const MAX_MATCH_HEAP_KIB: u32 = 64 * 1024;

/// Memory for backtracking that a thread keeps between searches, in bytes.
const KEPT_HEAP_BYTES: usize = 1024 * 1024;

/// Memory for backtracking in compiled patterns, in bytes: at first, and at most.
const JIT_STACK_BYTES: (usize, usize) = (32 * 1024, 512 * 1024);

/// The longest description of an error, in bytes. PCRE2's manual promises that 120 suffice.
const MAX_MESSAGE_BYTES: usize = 256;

/// How a pattern is read: [`sys::PCRE2_CASELESS`] and the like.
pub(super) type Flags = u32;

/// Where to look for a match.
#[derive(Clone, Copy)]
pub(super) struct Range {
    /// The byte at which the search begins, on a character boundary.
    pub(super) start: usize,
    /// The last byte at which a match may begin.
    pub(super) last_start: usize,
    /// Most backtracking steps from one start.
    pub(super) steps: u32,
}

/// A compiled pattern.
pub(super) struct Pattern {
    code: NonNull<sys::pcre2_code_8>,
    groups: usize,
}

// SAFETY: matching only reads a compiled pattern, as PCRE2's manual promises ("a compiled pattern is thread-safe"). The
// JIT compiler, which writes to it, is done before the pattern leaves `new`.
unsafe impl Send for Pattern {}
// SAFETY: as for `Send`.
unsafe impl Sync for Pattern {}

impl Drop for Pattern {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `pcre2_compile_8` and is freed once.
        unsafe { sys::pcre2_code_free_8(self.code.as_ptr()) }
    }
}

impl Pattern {
    /// Compiles a pattern; the error is PCRE2's description of what is wrong with it.
    pub(super) fn new(text: &str, flags: Flags) -> Result<Pattern, String> {
        let flags = flags | sys::PCRE2_UTF | sys::PCRE2_USE_OFFSET_LIMIT;
        let (mut error, mut at) = (0, 0);
        // SAFETY: text is readable for its length, the outputs are valid, and no context is allowed.
        let code = unsafe {
            sys::pcre2_compile_8(text.as_ptr(), text.len(), flags, &raw mut error, &raw mut at, ptr::null_mut())
        };
        let code = NonNull::new(code).ok_or_else(|| describe(error))?;
        let mut groups = 0u32;
        // SAFETY: code is valid, and the answer to this question is one u32.
        unsafe {
            sys::pcre2_pattern_info_8(code.as_ptr(), sys::PCRE2_INFO_CAPTURECOUNT, (&raw mut groups).cast::<c_void>());
        }
        // A pattern that the JIT compiler does not take is interpreted.
        // SAFETY: code is valid, and nobody else has it yet.
        unsafe { sys::pcre2_jit_compile_8(code.as_ptr(), sys::PCRE2_JIT_COMPLETE) };
        Ok(Pattern { code, groups: groups as usize })
    }

    /// How many groups the pattern has, the whole match not counted.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// Looks for the pattern; `read` gets the offsets of the match and its groups, start and end in turn. The error is
    /// PCRE2's number.
    pub(super) fn search<T>(
        &self,
        subject: &str,
        range: Range,
        groups: usize,
        read: impl FnOnce(&[usize]) -> T,
    ) -> Result<Option<T>, c_int> {
        if !subject.is_char_boundary(range.start) {
            return Err(sys::PCRE2_ERROR_BADUTFOFFSET);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let pairs = groups.min(self.groups) + 1;
            let scratch = match scratch {
                Some(scratch) if scratch.pairs >= pairs => scratch,
                other => other.insert(Scratch::new(pairs)?),
            };
            let found = scratch.search(self, subject, range)?;
            Ok(found.then(|| read(scratch.offsets(pairs))))
        })
    }
}

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// What a thread's searches share.
struct Scratch {
    context: NonNull<sys::pcre2_match_context_8>,
    stack: NonNull<sys::pcre2_jit_stack_8>,
    data: NonNull<sys::pcre2_match_data_8>,
    /// How many pairs of offsets `data` has room for.
    pairs: usize,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: the three came from their create functions and are freed once; the stack goes after the context that
        // names it.
        unsafe {
            sys::pcre2_match_data_free_8(self.data.as_ptr());
            sys::pcre2_match_context_free_8(self.context.as_ptr());
            sys::pcre2_jit_stack_free_8(self.stack.as_ptr());
        }
    }
}

impl Scratch {
    fn new(pairs: usize) -> Result<Scratch, c_int> {
        let (first, most) = JIT_STACK_BYTES;
        // SAFETY: these only ask for memory, and null stands for PCRE2's own allocator.
        let (context, stack, data) = unsafe {
            (
                NonNull::new(sys::pcre2_match_context_create_8(ptr::null_mut())),
                NonNull::new(sys::pcre2_jit_stack_create_8(first, most, ptr::null_mut())),
                NonNull::new(match_data(pairs)),
            )
        };
        let (Some(context), Some(stack), Some(data)) = (context, stack, data) else {
            // What was had of the three is lost, with next to no memory left to lose.
            return Err(sys::PCRE2_ERROR_NOMEMORY);
        };
        // SAFETY: the context is valid; without a callback the third argument is the stack itself, which lives as long as
        // the context.
        unsafe {
            sys::pcre2_jit_stack_assign_8(context.as_ptr(), None, stack.as_ptr().cast::<c_void>());
            sys::pcre2_set_depth_limit_8(context.as_ptr(), MAX_MATCH_DEPTH);
            sys::pcre2_set_heap_limit_8(context.as_ptr(), MAX_MATCH_HEAP_KIB);
        }
        Ok(Scratch { context, stack, data, pairs })
    }

    fn search(&mut self, pattern: &Pattern, subject: &str, range: Range) -> Result<bool, c_int> {
        // An empty slice may have no memory behind it, and PCRE2 wants an address that can be read.
        const READABLE: &[u8] = &[0];
        let text = if subject.is_empty() { READABLE.as_ptr() } else { subject.as_ptr() };
        // SAFETY: pattern, context and data are valid and ours alone for the call. The subject is readable for its length
        // and is UTF-8, and the start lies on a character boundary, which is what leaving out the check asks for.
        let outcome = unsafe {
            sys::pcre2_set_match_limit_8(self.context.as_ptr(), range.steps);
            sys::pcre2_set_offset_limit_8(self.context.as_ptr(), range.last_start);
            sys::pcre2_match_8(
                pattern.code.as_ptr(),
                text,
                subject.len(),
                range.start,
                sys::PCRE2_NO_UTF_CHECK,
                self.data.as_ptr(),
                self.context.as_ptr(),
            )
        };
        self.give_back_heap()?;
        match outcome {
            // Zero is a match with more groups than there is room for.
            0.. => Ok(true),
            sys::PCRE2_ERROR_NOMATCH => Ok(false),
            error => Err(error),
        }
    }

    /// Frees what a search by the interpreter took for backtracking, when it was much.
    fn give_back_heap(&mut self) -> Result<(), c_int> {
        // SAFETY: data is valid.
        if unsafe { sys::pcre2_get_match_data_heapframes_size_8(self.data.as_ptr()) } <= KEPT_HEAP_BYTES {
            return Ok(());
        }
        // SAFETY: this only asks for memory.
        let mut fresh = NonNull::new(unsafe { match_data(self.pairs) }).ok_or(sys::PCRE2_ERROR_NOMEMORY)?;
        // SAFETY: both have room for as many pairs of offsets, and do not overlap.
        unsafe {
            let (from, to) = (
                sys::pcre2_get_ovector_pointer_8(self.data.as_ptr()),
                sys::pcre2_get_ovector_pointer_8(fresh.as_ptr()),
            );
            ptr::copy_nonoverlapping(from, to, self.pairs * 2);
        }
        std::mem::swap(&mut self.data, &mut fresh);
        // SAFETY: this is the one that was in use before, which nothing names any more.
        unsafe { sys::pcre2_match_data_free_8(fresh.as_ptr()) };
        Ok(())
    }

    /// The offsets of the last match: start and end of the whole and of the groups, in turn. `pairs` must be no more than
    /// there is room for, and than the pattern has groups and one.
    fn offsets(&self, pairs: usize) -> &[usize] {
        // SAFETY: after a match PCRE2 has written a pair for each group of the pattern that data has room for, and the
        // caller asks for no more. It leaves them alone until the next search, which needs `self` exclusively.
        unsafe { std::slice::from_raw_parts(sys::pcre2_get_ovector_pointer_8(self.data.as_ptr()), pairs * 2) }
    }
}

/// Room for as many pairs of offsets; null when there is no memory.
///
/// # Safety
///
/// The caller frees it.
unsafe fn match_data(pairs: usize) -> *mut sys::pcre2_match_data_8 {
    // PCRE2 has at most 65,535 groups.
    let pairs = u32::try_from(pairs).unwrap_or(u32::MAX);
    // SAFETY: this only asks for memory.
    unsafe { sys::pcre2_match_data_create_8(pairs, ptr::null_mut()) }
}

/// PCRE2's description of an error.
fn describe(error: c_int) -> String {
    let mut text = [0u8; MAX_MESSAGE_BYTES];
    // SAFETY: the buffer is writable for its length.
    let length = unsafe { sys::pcre2_get_error_message_8(error, text.as_mut_ptr(), text.len()) };
    let length = usize::try_from(length).unwrap_or(0).min(text.len());
    String::from_utf8_lossy(&text[..length]).into_owned()
}
