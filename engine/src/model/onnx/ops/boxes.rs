//! Boxes in images.

use super::{Maker, Prepared};
use crate::model::onnx::value::Host;

pub const TABLE: &[(&str, Maker)] =
    &[("NonMaxSuppression", |n| Ok(non_max_suppression(n.flag("center_point_box", false))))];

/// Boxes with the largest scores that overlap no chosen one by more than a threshold: rows of batch, class, box.
fn non_max_suppression(centred: bool) -> Prepared {
    Prepared::new(move |args| {
        let most = if args.has(2) { args.ints(2)?.first().copied().unwrap_or(0) } else { 0 };
        let (overlap, least) = (args.scalar_or(3, 0.0)?, args.scalar_or(4, f32::NEG_INFINITY)?);
        let (boxes, scores) = (args.host(0)?, args.host(1)?);
        let ([_, n, _], [batches, classes, _]) =
            (boxes.dims[..].try_into().unwrap_or([0; 3]), scores.dims[..].try_into().unwrap_or([0; 3]));
        let (corners, scores) = (boxes.numbers.floats(), scores.numbers.floats());
        let corner = |b: usize, i: usize| {
            let v = &corners[(b * n + i) * 4..][..4];
            match centred {
                true => [v[1] - v[3] / 2.0, v[0] - v[2] / 2.0, v[1] + v[3] / 2.0, v[0] + v[2] / 2.0],
                false => [v[0].min(v[2]), v[1].min(v[3]), v[0].max(v[2]), v[1].max(v[3])],
            }
        };
        let mut chosen: Vec<i64> = vec![];
        for (b, c) in (0..batches).flat_map(|b| (0..classes).map(move |c| (b, c))) {
            let score = |i: usize| scores[(b * classes + c) * n + i];
            let mut order: Vec<usize> = (0..n).filter(|&i| score(i) > least).collect();
            order.sort_by(|&i, &j| score(j).total_cmp(&score(i)));
            let mut kept: Vec<usize> = vec![];
            for i in order {
                if kept.len() as i64 >= most {
                    break;
                }
                if kept.iter().all(|&k| intersection_over_union(corner(b, i), corner(b, k)) <= overlap) {
                    kept.push(i);
                    chosen.extend([b as i64, c as i64, i as i64]);
                }
            }
        }
        let rows = chosen.len() / 3;
        Ok(Host::ints(chosen, &[rows, 3]).into())
    })
}

fn intersection_over_union(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |r: [f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let both = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - both;
    if union > 0.0 { both / union } else { 0.0 }
}
