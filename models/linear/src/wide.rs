//! Runs arithmetic with the widest vectors of the CPU, with the same bits on every choice.
//!
//! A piece of arithmetic is written once, as a loop over outputs; compiled for wider vectors it does more of them at a
//! time. Each output is still multiplied and added in the one order that the code states, and nothing is fused: Rust
//! never contracts `a * b + c`. So AVX-512, AVX2 and portable code agree bit for bit.
#![expect(
    unsafe_code,
    reason = "a function compiled for vector instructions may only be called where the CPU was seen to have them"
)]

/// A set of instructions.
#[cfg(test)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Width {
    /// Eight numbers at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Four numbers at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Plain Rust, for every CPU of the target.
    Portable,
}

#[cfg(test)]
impl Width {
    /// Returns the sets that this CPU has, the widest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut widths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                widths.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                widths.push(Self::Avx2);
            }
        }
        widths.push(Self::Portable);
        widths
    }
}

/// Runs `work` with the widest vectors of the CPU.
///
/// `work` and everything hot in it must be inlined: only inlined code is compiled for the vectors.
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU was just seen to have the instructions.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU was just seen to have the instructions.
            return unsafe { avx2(work) };
        }
    }
    work()
}

/// Runs `work` with one set of instructions, or with plain Rust where the CPU does not have it.
#[cfg(test)]
pub(crate) fn with<R>(width: Width, work: impl FnOnce() -> R) -> R {
    if !Width::all().contains(&width) {
        return work();
    }
    match width {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU was seen to have the instructions.
        Width::Avx512 => unsafe { avx512(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the CPU was seen to have the instructions.
        Width::Avx2 => unsafe { avx2(work) },
        Width::Portable => work(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
