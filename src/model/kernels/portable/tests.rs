//! Each formula against the kernel of the same name, on the processor, where both run.

use super::*;
use crate::model::kernels::{backward, segments};
use crate::seed::Seed;

const HEADS: Heads = Heads {
    queries: 6,
    keys: 2,
    dim: 16,
};
const DEVICE: &Device = &Device::Cpu;

fn noise(name: &str, shape: &[usize]) -> Result<Tensor> {
    let mut stream = Seed::root(7).branch(name).stream();
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| (stream.below(2001) as f32 / 1000.0) - 1.0)
        .collect();
    Tensor::from_vec(values, shape, DEVICE)
}

/// The largest difference, and that it is not one of nothing.
fn apart(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.elem_count(), b.elem_count());
    assert!(b.abs()?.max_all()?.to_scalar::<f32>()? > 0.1);
    (a.flatten_all()? - b.flatten_all()?)?
        .abs()?
        .max_all()?
        .to_scalar()
}

fn floats(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}

/// Two answers to one prompt, and a segment of its own.
fn tree() -> Vec<Segment> {
    let segment = |rows, prefix: std::ops::Range<usize>| Segment {
        rows,
        before: vec![prefix],
    };
    vec![
        segment(0..5, 0..0),
        segment(5..9, 0..5),
        segment(9..12, 0..5),
        segment(12..31, 0..0),
    ]
}

/// The same rows, behind four keys whose rows do not ask.
fn behind_silent() -> Vec<Segment> {
    let first = Segment {
        rows: 0..5,
        before: vec![1..3, 3..4],
    };
    let second = Segment {
        rows: 5..31,
        before: vec![0..4, 4..9],
    };
    vec![first, second]
}

#[test]
fn segments_and_their_slopes_are_those_of_the_kernel() -> Result<()> {
    segments_are_those_of_the_kernel(31, &tree())?;
    segments_are_those_of_the_kernel(35, &behind_silent())
}

fn segments_are_those_of_the_kernel(keys: usize, segments: &[Segment]) -> Result<()> {
    let q = noise("q", &[31, HEADS.queries, HEADS.dim])?;
    let k = noise("k", &[keys, HEADS.keys, HEADS.dim])?;
    let v = noise("v", &[keys, HEADS.keys * HEADS.dim])?;
    let dy = noise("dy", &[31, HEADS.queries * HEADS.dim])?;
    let (flat_q, flat_k, flat_v) = (floats(&q)?, floats(&k)?, floats(&v)?);
    let inputs = segments::Inputs {
        q: &flat_q,
        k: &flat_k,
        v: &flat_v,
    };
    let want = segments::attend(HEADS, inputs, segments);
    let got = attend_segments(HEADS, [&q, &k, &v], segments)?;
    let attended = Tensor::from_slice(&want.values, got.shape(), DEVICE)?;
    assert!(apart(&got, &attended)? < 1e-5);

    let kept = (&want.values[..], &want.log_sums[..]);
    let want = segments::backward(HEADS, inputs, segments, kept, &floats(&dy)?);
    let got = attend_segments_back(HEADS, [&q, &k, &v], segments, &dy)?;
    for ((got, want), like) in got.iter().zip(want).zip([&q, &k, &v]) {
        assert_eq!(got.dims(), like.dims());
        assert!(apart(got, &Tensor::from_vec(want, like.shape(), DEVICE)?)? < 1e-5);
    }
    Ok(())
}

/// A prefix, and behind it two branches of which one already holds something: as one pass over whole sequences.
#[test]
fn branches_see_the_prefix_and_their_own() -> Result<()> {
    let q = noise("q", &[12, HEADS.queries, HEADS.dim])?;
    let k = noise("k", &[12, HEADS.keys, HEADS.dim])?;
    let v = noise("v", &[12, HEADS.keys, HEADS.dim])?;
    let whole = attend_segments(HEADS, [&q, &k, &v.flatten_from(1)?], &tree()[..3])?;
    let rows = |range: Range<usize>| {
        let of = |x: &Tensor| x.narrow(0, range.start, range.len());
        Rows::new(&of(&k)?, &of(&v)?)
    };
    let shared = rows(0..5)?;
    // The first branch held two tokens before and has two more; the second is new.
    let own = rows(5..7)?.then(&rows(7..12)?)?;
    let sees = |list: &[usize]| (0..7).map(|i| list.contains(&i)).collect::<Vec<_>>();
    let lists = [&[0, 1, 2][..], &[0, 1, 2, 3], &[4], &[4, 5], &[4, 5, 6]];
    let mask = allowed(&lists.map(sees), DEVICE)?;
    let got = attend(&q.narrow(0, 7, 5)?, HEADS, Some(&shared), &own, Some(&mask))?;
    assert!(apart(&got, &whole.narrow(0, 7, 5)?)? < 1e-5);

    // Without a prefix: one row at a time needs no mask, several see up to themselves.
    let own = rows(0..5)?;
    let got = attend(&q.narrow(0, 4, 1)?, HEADS, None, &own, None)?;
    assert!(apart(&got, &whole.narrow(0, 4, 1)?)? < 1e-5);
    assert!(super::mask(1, 5, DEVICE)?.is_none());
    let mask = super::mask(3, 5, DEVICE)?;
    let got = attend(&q.narrow(0, 2, 3)?, HEADS, None, &own, mask.as_ref())?;
    assert!(apart(&got, &whole.narrow(0, 2, 3)?)? < 1e-5);
    Ok(())
}

#[test]
fn positions_left_out_are_not_there() -> Result<()> {
    let (k, v) = (
        noise("k", &[6, HEADS.keys, HEADS.dim])?,
        noise("v", &[6, HEADS.keys, HEADS.dim])?,
    );
    let kept = Rows::new(&k, &v)?.only(&[0, 1, 5])?;
    let of = |x: &Tensor| Tensor::cat(&[x.narrow(0, 0, 2)?, x.narrow(0, 5, 1)?], 0);
    let want = Rows::new(&of(&k)?, &of(&v)?)?;
    assert!(apart(&kept.keys, &want.keys)? == 0.0 && apart(&kept.values, &want.values)? == 0.0);
    Ok(())
}

#[test]
fn slopes_of_norm_and_activation_are_those_of_the_kernels() -> Result<()> {
    let (x, dy, weight) = (noise("x", &[5, 48])?, noise("dy", &[5, 48])?, noise("w", &[48])?);
    let (got, want) = (
        rms_norm_back(&x, &weight, &dy, 1e-5)?,
        backward::rms_norm(&x, &weight, &dy, 1e-5)?,
    );
    assert!(apart(&got, &want)? < 1e-5);
    let gate = noise("gate", &[5, 48])?;
    let (got, want) = (swiglu_back(&gate, &x, &dy)?, backward::swiglu(&gate, &x, &dy)?);
    assert!(apart(&got.0, &want.0)? < 1e-5 && apart(&got.1, &want.1)? < 1e-5);
    Ok(())
}
