//! Randomness of the whole process from a seed. A program that links this crate has no other: the `getrandom` of its libc is
//! the one below, and the libraries that draw once for all are given theirs. It is for a process that simulates, and never
//! part of the operator.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0);

/// Begins with a seed. To be called before the first map, the first runtime and the first store of the process; what was drawn
/// before came from a constant.
pub fn begin(seed: u64) {
    STATE.store(seed, Ordering::Relaxed);
    fastrand::seed(seed);
    // It mixes addresses in, unless it is given a source.
    let _ = ahash::random_state::set_random_source(Fixed);
}

/// SplitMix64.
fn next() -> u64 {
    let step = 0x9e37_79b9_7f4a_7c15;
    let mut z = STATE.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Fixed;

impl ahash::random_state::RandomSource for Fixed {
    fn gen_hasher_seed(&self) -> usize {
        next() as usize
    }
}

/// In place of the libc's.
///
/// # Safety
/// As for the libc's: `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller's promise, which is that of the libc's function.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    for piece in bytes.chunks_mut(8) {
        piece.copy_from_slice(&next().to_ne_bytes()[..piece.len()]);
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}
