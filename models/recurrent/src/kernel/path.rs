//! The choice of a set of instructions.

#[cfg(target_arch = "x86_64")]
use super::{
    avx2::Avx2,
    avx512::{Avx512, NONE, PAIRS, TILES},
};
use super::{lanes::Kernel, portable::Portable};

/// A set of instructions that this CPU was seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// 16 values at once, and tiles of bf16.
    #[cfg(target_arch = "x86_64")]
    Amx(Avx512<TILES>),
    /// 16 values at once, and pairs of bf16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512<PAIRS>),
    /// 16 values at once.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<NONE>),
    /// Eight values at once.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Plain Rust, for every CPU of the target.
    Portable,
}

impl Path {
    /// Returns the fastest path of this CPU.
    pub(crate) fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(lanes) = Avx512::<TILES>::detect() {
                return Self::Amx(lanes);
            }
            if let Some(lanes) = Avx512::<PAIRS>::detect() {
                return Self::Avx512Bf16(lanes);
            }
            if let Some(lanes) = Avx512::<NONE>::detect() {
                return Self::Avx512(lanes);
            }
            if let Some(lanes) = Avx2::detect() {
                return Self::Avx2(lanes);
            }
        }
        Self::Portable
    }

    /// Runs a kernel with this path's instructions.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: the value is the proof that the CPU has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Amx(lanes) => unsafe {
                if K::FLOATS_ONLY {
                    run_avx512(kernel, lanes.floats());
                } else {
                    run_amx(kernel, lanes);
                }
            },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(lanes) => unsafe {
                if K::FLOATS_ONLY {
                    run_avx512(kernel, lanes.floats());
                } else {
                    run_avx512_bf16(kernel, lanes);
                }
            },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => unsafe { run_avx512(kernel, lanes) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => unsafe { run_avx2(kernel, lanes) },
            Self::Portable => kernel.run::<_, 4, 4>(Portable),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
fn run_amx<K: Kernel>(kernel: K, lanes: Avx512<TILES>) {
    // One call, for each is inlined.
    let (lanes, _tiles) = match kernel.tile_rows() {
        Some(rows) => {
            let (lanes, tiles) = lanes.configure(rows);
            (lanes, Some(tiles))
        }
        None => (lanes, None),
    };
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
fn run_avx512_bf16<K: Kernel>(kernel: K, lanes: Avx512<PAIRS>) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K, lanes: Avx512<NONE>) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K, lanes: Avx2) {
    kernel.run::<_, 6, 2>(lanes);
}

#[cfg(test)]
/// Returns every path that this CPU can take, the portable one last.
pub(crate) fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        paths.extend(Avx512::<TILES>::detect().map(Path::Amx));
        paths.extend(Avx512::<PAIRS>::detect().map(Path::Avx512Bf16));
        paths.extend(Avx512::<NONE>::detect().map(Path::Avx512));
        paths.extend(Avx2::detect().map(Path::Avx2));
    }
    paths.push(Path::Portable);
    paths
}
