//! Tiles of bf16: 16 rows times 32 steps of a depth times 16 columns in one instruction.
//!
//! A tile is a register of 16 rows with 64 bytes each. The steps of a left row lie side by side, the steps of a right matrix
//! two by two in each column: what [`Neighbours`] and [`Quad`] are on this path.

use std::{arch::asm, marker::PhantomData};

use super::panel::{Addend, BLOCK, Neighbours, QUADS, Quad, Row};

/// How many blocks of a depth one call of the tile loop takes; further blocks are added to its result.
const BLOCKS: usize = 16;

/// Returns whether the CPU has tiles of bf16 and the operating system lets this process use them.
///
/// # Source
/// Intel's Software Developer's Manual, volume 1, chapter 18; Linux, `Documentation/arch/x86/xstate.rst`: a process asks once for
/// permission, since the registers enlarge the saved state of its threads.
#[cfg(target_os = "linux")]
pub(super) fn is_allowed() -> bool {
    static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ALLOWED.get_or_init(|| {
        const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
        const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
        const TILE_DATA: libc::c_long = 18;
        let most = std::arch::x86_64::__cpuid(0).eax;
        let has = most >= 7 && std::arch::x86_64::__cpuid_count(7, 0).edx & TILES_AND_BF16 == TILES_AND_BF16;
        // SAFETY: the call only changes how much memory the kernel reserves for registers; a kernel that does not know it returns an error.
        has && unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) } == 0
    })
}

/// Other operating systems are not supported yet.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_allowed() -> bool {
    false
}

/// Tiles of this thread, until it is dropped. Registers belong to a thread, so it does not leave it.
pub(super) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Sets up this thread's tiles for products of so many rows, 16 at most.
    ///
    /// # Safety
    /// The CPU must have tiles, and [`is_allowed`] must be true.
    pub(super) unsafe fn configure(rows: usize) -> Self {
        /// Palette 1: eight tiles, each with its bytes a row and its rows.
        #[repr(C, align(64))]
        struct Config {
            palette: u8,
            start: u8,
            reserved: [u8; 14],
            bytes: [u16; 16],
            rows: [u8; 16],
        }
        let height = u8::try_from(rows).unwrap_or(0);
        assert!((1..=16).contains(&height), "a tile has 1 to 16 rows, not {rows}");
        let mut config = Config {
            palette: 1,
            start: 0,
            reserved: [0; 14],
            bytes: [0; 16],
            rows: [0; 16],
        };
        config.bytes[..8].fill(64);
        // Four sums and two left matrices have as many rows as the product, two right ones 16 pairs of steps.
        config.rows[..6].fill(height);
        config.rows[6..8].fill(16);
        // SAFETY: the caller's; the configuration is a valid one.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, preserves_flags, readonly)) };
        Self(PhantomData)
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: tiles were set up, so the CPU has the instruction. Registers in use would cost time at every switch of threads.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// Where one block of a depth begins.
#[derive(Clone, Copy)]
#[repr(C)]
struct Block {
    left: *const Neighbours,
    right: *const Quad,
}

/// Computes products of bf16 as [`super::pairs::multiply`] does.
///
/// # Safety
/// This thread's tiles must be set up for `tile_rows` rows, unless that is 0: then it panics.
#[inline(always)]
pub(super) unsafe fn multiply<'a>(
    tile_rows: usize,
    depth: usize,
    left: impl Fn(usize) -> &'a [Neighbours],
    right: impl Fn(usize) -> &'a [Quad],
    start: Addend<'_>,
    output: &mut [Row],
) {
    let rows = output.len();
    assert!(
        tile_rows > 0 && rows.is_multiple_of(tile_rows),
        "{rows} rows in tiles of {tile_rows}"
    );
    let mut start = start;
    let mut first = 0;
    loop {
        let mut filled_up;
        let mut blocks = [Block {
            left: std::ptr::null(),
            right: std::ptr::null(),
        }; BLOCKS];
        let many = (depth.div_ceil(BLOCK) - first).min(BLOCKS);
        for (index, block) in blocks[..many].iter_mut().enumerate() {
            let (left, right) = (&left(first + index)[..rows], right(first + index));
            // The last block may have fewer steps than a tile takes; the memory behind them belongs to other data.
            let right = if right.len() < QUADS {
                filled_up = fill_up(right);
                &filled_up[..]
            } else {
                right
            };
            *block = Block {
                left: left.as_ptr(),
                right: right.as_ptr(),
            };
        }
        let (from, from_bytes) = match start {
            Addend::Row(row) => (std::ptr::from_ref(row), 0),
            Addend::Output => (output.as_ptr(), size_of::<Row>()),
        };
        for top in (0..rows).step_by(2 * tile_rows) {
            let strip = Strip {
                blocks: &blocks[..many],
                top,
                rows: tile_rows,
                from: from.wrapping_byte_add(top * from_bytes),
                from_bytes,
                into: output[top..].as_mut_ptr(),
            };
            // SAFETY: the caller set up tiles of `tile_rows` rows. Each block's left matrix has as many rows as the output,
            // of which there are so many from `top` on, and its right one has as many quads as a tile takes.
            unsafe {
                if rows - top >= 2 * tile_rows {
                    strip.two_tiles();
                } else {
                    strip.one_tile();
                }
            }
        }
        first += many;
        if first >= depth.div_ceil(BLOCK) {
            return;
        }
        start = Addend::Output;
    }
}

fn fill_up(quads: &[Quad]) -> [Quad; QUADS] {
    let mut block = [Quad::ZERO; QUADS];
    block[..quads.len()].copy_from_slice(quads);
    block
}

/// Some tiles of rows, and the blocks whose products are added to them.
struct Strip<'a> {
    blocks: &'a [Block],
    /// The first row.
    top: usize,
    /// Rows of a tile.
    rows: usize,
    /// What the sums start from, and how far apart its rows are.
    from: *const Row,
    from_bytes: usize,
    into: *mut Row,
}

impl Strip<'_> {
    /// Adds the products of all blocks to 32 columns of one tile of rows.
    ///
    /// # Safety
    /// Tiles must be set up for `rows` rows, and all pointers must be valid for as many bytes as the tiles load and store.
    #[inline(always)]
    unsafe fn one_tile(self) {
        // SAFETY: the caller's.
        unsafe {
            asm!(
                "tileloadd tmm0, [{from} + {from_bytes}]",
                "tileloadd tmm1, [{from} + {from_bytes} + 64]",
                "test {many}, {many}",
                "jz 3f",
                "2:",
                "mov {left}, [{blocks}]",
                "mov {right}, [{blocks} + 8]",
                "add {left}, {top}",
                "tileloadd tmm4, [{left} + {left_bytes}]",
                "tileloadd tmm6, [{right} + {right_bytes}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{right} + {right_bytes} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {blocks}, 16",
                "dec {many}",
                "jnz 2b",
                "3:",
                "tilestored [{into} + {right_bytes}], tmm0",
                "tilestored [{into} + {right_bytes} + 64], tmm1",
                from = in(reg) self.from,
                from_bytes = in(reg) self.from_bytes,
                many = inout(reg) self.blocks.len() => _,
                blocks = inout(reg) self.blocks.as_ptr() => _,
                top = in(reg) self.top * size_of::<Neighbours>(),
                left = out(reg) _,
                right = out(reg) _,
                left_bytes = in(reg) size_of::<Neighbours>(),
                right_bytes = in(reg) size_of::<Row>(),
                into = in(reg) self.into,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Adds the products of all blocks to 32 columns of two tiles of rows.
    ///
    /// # Safety
    /// As [`Self::one_tile`].
    #[inline(always)]
    unsafe fn two_tiles(self) {
        // SAFETY: the caller's.
        unsafe {
            asm!(
                "tileloadd tmm0, [{from} + {from_bytes}]",
                "tileloadd tmm1, [{from} + {from_bytes} + 64]",
                "tileloadd tmm2, [{left} + {from_bytes}]",
                "tileloadd tmm3, [{left} + {from_bytes} + 64]",
                "test {many}, {many}",
                "jz 3f",
                "2:",
                "mov {left}, [{blocks}]",
                "mov {right}, [{blocks} + 8]",
                "add {left}, {top}",
                "tileloadd tmm4, [{left} + {left_bytes}]",
                "add {left}, {tile}",
                "tileloadd tmm6, [{right} + {right_bytes}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{right} + {right_bytes} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{left} + {left_bytes}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {blocks}, 16",
                "dec {many}",
                "jnz 2b",
                "3:",
                "lea {left}, [{into} + 2 * {tile}]",
                "tilestored [{into} + {right_bytes}], tmm0",
                "tilestored [{into} + {right_bytes} + 64], tmm1",
                "tilestored [{left} + {right_bytes}], tmm2",
                "tilestored [{left} + {right_bytes} + 64], tmm3",
                from = in(reg) self.from,
                from_bytes = in(reg) self.from_bytes,
                many = inout(reg) self.blocks.len() => _,
                blocks = inout(reg) self.blocks.as_ptr() => _,
                top = in(reg) self.top * size_of::<Neighbours>(),
                tile = in(reg) self.rows * size_of::<Neighbours>(),
                left = inout(reg) self.from.wrapping_byte_add(self.rows * self.from_bytes) => _,
                right = out(reg) _,
                left_bytes = in(reg) size_of::<Neighbours>(),
                right_bytes = in(reg) size_of::<Row>(),
                into = in(reg) self.into,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
