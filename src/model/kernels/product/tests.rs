//! Against products written out, on every implementation of the lanes that this machine can run.

use super::*;
use crate::model::kernels::lanes::Scalar;

/// Noise in -1..1, the same every time.
fn noise(stream: u64, count: usize) -> Vec<f32> {
    let mut state = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    })
    .take(count)
    .collect()
}

/// More than a panel holds, and no multiple of it.
const INPUTS: usize = 608;

/// The forms of the formats.
const FORMS: [Form; 7] = [
    form(4, Scales::Centred),
    form(4, Scales::Halves),
    form(4, Scales::Singles),
    form(5, Scales::Centred),
    form(5, Scales::Halves),
    form(6, Scales::Centred),
    form(8, Scales::Centred),
];

const fn form(bits: u32, scales: Scales) -> Form {
    Form { bits, scales }
}

/// A matrix whose weights use all bits, the extremes among them, and each of them as it was set, `[outputs, inputs]`.
fn matrix_and_weights(outputs: usize, inputs: usize, form: Form) -> (PackedMatrix, Vec<f32>) {
    let mut matrix = PackedMatrix::zeros(outputs, inputs, form);
    let mut weights = Vec::new();
    let Form { bits, scales } = form;
    let block = form.block();
    let most = ((1_u32 << bits) - 1) as f32;
    for output in 0..outputs {
        for index in 0..inputs / block {
            let random = noise((output * 1_000 + index) as u64, block + 2);
            let mut quants: Vec<u8> = random[..block]
                .iter()
                .map(|x| ((x + 1.0) / 2.0 * most).round() as u8)
                .collect();
            if output == 0 {
                quants.fill(most as u8);
            }
            let factor = 0.01 + 0.01 * random[block].abs();
            let half = |x: f32| half::f16::from_f32(x).to_f32();
            let (factor, offset) = match scales {
                Scales::Centred => (factor, -factor * (1 << (bits - 1)) as f32),
                Scales::Halves => (half(factor), half(random[block + 1])),
                Scales::Singles => (factor, random[block + 1]),
            };
            weights.extend(quants.iter().map(|&u| factor * f32::from(u) + offset));
            let block = Block {
                quants: &quants,
                factor,
                offset,
            };
            matrix.set(output, index, &block);
        }
    }
    (matrix, weights)
}

fn matrix(outputs: usize, inputs: usize, form: Form) -> PackedMatrix {
    matrix_and_weights(outputs, inputs, form).0
}

#[test]
fn nothing_is_lost_by_packing() {
    for form in FORMS {
        let (matrix, weights) = matrix_and_weights(37, INPUTS, form);
        assert_eq!(matrix.dense(0..37), weights, "{form:?}");
        assert_eq!(matrix.dense(16..37), weights[16 * INPUTS..], "{form:?}");
    }
}

/// In bits a weight, scales included: reading them is what a single row waits for.
#[test]
fn weights_lie_in_as_few_bits_as_they_have() {
    let bits = FORMS.map(|form| matrix(16, 512, form).bytes() * 8 / (16 * 512));
    assert_eq!(bits, [5, 5, 6, 6, 6, 8, 9]);
}

/// Bits and not only closeness: i32 sums are exact, and the f32 operations are the same.
#[test]
fn every_implementation_gives_the_bits_of_plain_code() {
    for form in FORMS {
        // One and several tiles of each size, some of them not full, and enough for tasks that go through all weights.
        let many = 64 * rayon::current_num_threads() + 3;
        for rows in [1, 3, 4, 5, 8, 9, 16, 17, 70, many] {
            let matrix = matrix(37, INPUTS, form);
            // The first row is as far out as i8 goes, in both signs: sums that overflow would show.
            let mut x = noise(7, rows * INPUTS);
            for (i, x) in x[..INPUTS].iter_mut().enumerate() {
                *x = if i < INPUTS / 2 { 5.0 } else { -5.0 };
            }
            let bias = noise(8, 37);
            let work = Multiply {
                matrix: &matrix,
                x: &x,
                bias: &bias,
            };
            let bits_of = |y: Vec<f32>| y.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let plain = bits_of(work.with(Scalar));
            assert_eq!(bits_of(lanes::dispatch(work)), plain, "{form:?}, {rows} rows");
            // By the matrix unit, where there is one and rows enough.
            assert_eq!(
                bits_of(matrix.multiply(&x, &bias)),
                plain,
                "{form:?}, {rows} rows"
            );
        }
    }
}

/// Each activation is off by at most half a step of its block, 1/254 of the largest.
#[test]
fn the_product_is_that_of_the_dense_weights_up_to_the_rounding_of_activations() {
    for form in FORMS {
        let (outputs, inputs, rows) = (37, INPUTS, 6);
        let matrix = matrix(outputs, inputs, form);
        let (dense, x) = (matrix.dense(0..outputs), noise(3, rows * inputs));
        let y = matrix.multiply(&x, &[]);
        for (x, y) in x.chunks(inputs).zip(y.chunks(outputs)) {
            for (w, y) in dense.chunks(inputs).zip(y) {
                let exact: f64 = w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                let bound: f64 = w
                    .chunks(form.block())
                    .zip(x.chunks(form.block()))
                    .map(|(w, x)| {
                        let largest = x.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                        f64::from(largest) / 254.0 * w.iter().map(|w| f64::from(w.abs())).sum::<f64>()
                    })
                    .sum();
                assert!(
                    (f64::from(*y) - exact).abs() < bound * 1.01 + 1e-4,
                    "{form:?}: {y}, {exact}"
                );
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let matrix = matrix(64, 128, FORMS[3]);
    let x = noise(1, 200 * 128);
    let together = matrix.multiply(&x, &[]);
    for row in [0, 1, 63, 64, 199] {
        let alone = matrix.multiply(&x[row * 128..][..128], &[]);
        assert_eq!(alone, together[row * 64..][..64], "row {row}");
    }
}

#[test]
fn zeros_stay_zeros() {
    assert_eq!(matrix(5, 32, FORMS[6]).multiply(&[0.0; 64], &[]), [0.0; 10]);
    assert_eq!(
        matrix(2, 32, FORMS[6]).multiply(&[0.0; 64], &[1.0, 2.0]),
        [1.0, 2.0, 1.0, 2.0]
    );
    assert!(matrix(5, 32, FORMS[6]).multiply(&[], &[]).is_empty());
}
