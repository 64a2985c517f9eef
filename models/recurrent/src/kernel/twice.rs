//! Two registers as one: two chains of dependent operations run side by side, so the CPU waits less.

use super::lanes::Arithmetic;

/// Vectors of twice as many values as `A` has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twice<A>(pub(crate) A);

impl<A: Arithmetic> Arithmetic for Twice<A> {
    type Vector = [A::Vector; 2];
    const WIDTH: usize = 2 * A::WIDTH;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [self.0.splat(value); 2]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        [self.0.load(from), self.0.load(&from[A::WIDTH..])]
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, into: &mut [f32]) {
        self.0.store(vector[0], into);
        self.0.store(vector[1], &mut into[A::WIDTH..]);
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        [self.0.mul_add(a[0], b[0], c[0]), self.0.mul_add(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        [
            self.0.neg_mul_add(a[0], b[0], c[0]),
            self.0.neg_mul_add(a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.add(a[0], b[0]), self.0.add(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.sub(a[0], b[0]), self.0.sub(a[1], b[1])]
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.mul(a[0], b[0]), self.0.mul(a[1], b[1])]
    }

    #[inline(always)]
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.div(a[0], b[0]), self.0.div(a[1], b[1])]
    }

    #[inline(always)]
    fn sqrt(self, a: Self::Vector) -> Self::Vector {
        [self.0.sqrt(a[0]), self.0.sqrt(a[1])]
    }

    #[inline(always)]
    fn least(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.least(a[0], b[0]), self.0.least(a[1], b[1])]
    }

    #[inline(always)]
    fn greatest(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        [self.0.greatest(a[0], b[0]), self.0.greatest(a[1], b[1])]
    }

    #[inline(always)]
    fn abs(self, a: Self::Vector) -> Self::Vector {
        [self.0.abs(a[0]), self.0.abs(a[1])]
    }

    #[inline(always)]
    fn with_sign(self, a: Self::Vector, sign: Self::Vector) -> Self::Vector {
        [self.0.with_sign(a[0], sign[0]), self.0.with_sign(a[1], sign[1])]
    }

    #[inline(always)]
    fn where_less(self, a: Self::Vector, b: Self::Vector, then: Self::Vector, otherwise: Self::Vector) -> Self::Vector {
        [
            self.0.where_less(a[0], b[0], then[0], otherwise[0]),
            self.0.where_less(a[1], b[1], then[1], otherwise[1]),
        ]
    }

    #[inline(always)]
    fn exponent(self, a: Self::Vector, bias: u32) -> Self::Vector {
        [self.0.exponent(a[0], bias), self.0.exponent(a[1], bias)]
    }

    #[inline(always)]
    fn bits_from(self, from: u32, a: Self::Vector) -> Self::Vector {
        [self.0.bits_from(from, a[0]), self.0.bits_from(from, a[1])]
    }
}
