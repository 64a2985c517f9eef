//! Arithmetic element by element over several slices at once.

/// The elements of one block: one register of the widest path, whole registers of the others.
const BLOCK: usize = 16;

/// Gives every element of `both` a new value that follows from the elements at the same place in `inputs` and `both`.
///
/// Blocks are copied into arrays of their own first: compilers vectorise a loop over arrays that cannot overlap, and the last,
/// shorter block takes the same way as all others.
///
/// # Shapes
/// All slices have the same length.
#[inline(always)]
pub(crate) fn each<const INPUTS: usize, const BOTH: usize>(
    inputs: [&[f32]; INPUTS],
    both: [&mut [f32]; BOTH],
    value: impl Fn([f32; INPUTS], [f32; BOTH]) -> [f32; BOTH],
) {
    let len = both[0].len();
    let blocks = len / BLOCK;
    // Cut to one length, so that nothing is checked block by block.
    let inputs = inputs
        .map(|slice| slice[..len].as_chunks::<BLOCK>())
        .map(|(whole, rest)| (&whole[..blocks], rest));
    let mut both = both
        .map(|slice| slice[..len].as_chunks_mut::<BLOCK>())
        .map(|(whole, rest)| (&mut whole[..blocks], rest));
    for block in 0..len.div_ceil(BLOCK) {
        let mut values_in = [[0.0; BLOCK]; INPUTS];
        let mut values = [[0.0; BLOCK]; BOTH];
        if block < blocks {
            values_in = std::array::from_fn(|slice| inputs[slice].0[block]);
            values = std::array::from_fn(|slice| both[slice].0[block]);
        } else {
            for (values, (_, rest)) in values_in.iter_mut().zip(&inputs) {
                values[..rest.len()].copy_from_slice(rest);
            }
            for (values, (_, rest)) in values.iter_mut().zip(&both) {
                values[..rest.len()].copy_from_slice(rest);
            }
        }
        for lane in 0..BLOCK {
            let lane_in = std::array::from_fn(|slice| values_in[slice][lane]);
            let lane_out = value(lane_in, std::array::from_fn(|slice| values[slice][lane]));
            for (values, value) in values.iter_mut().zip(lane_out) {
                values[lane] = value;
            }
        }
        for (values, (whole, rest)) in values.iter().zip(&mut both) {
            if block < blocks {
                whole[block] = *values;
            } else {
                rest.copy_from_slice(&values[..rest.len()]);
            }
        }
    }
}
